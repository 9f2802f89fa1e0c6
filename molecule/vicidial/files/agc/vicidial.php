<?php
# A login page that meets options.php as VICIdial's does: included twice, the second time with the request's values; then
# the user's row where no phone was given, the alias, the choice, the room, the call, the live-agent row.
require_once('dbconnect_mysqli.php');
foreach (array('phone_login', 'phone_pass', 'VD_login', 'VD_pass', 'VD_campaign', 'relogin') as $name) {
    $value = isset($_POST[$name]) ? $_POST[$name] : (isset($_GET[$name]) ? $_GET[$name] : '');
    $$name = preg_replace('/[^-_,0-9a-zA-Z]/', '', $value);
}
$user_login_first = '0';
$INSERT_window_onload = '';
$INSERT_before_body_close = '';
if (file_exists('options.php')) { require('options.php'); }

function rows($statement)
{
    global $link;
    $result = mysqli_query($link, $statement);
    return is_bool($result) ? array() : mysqli_fetch_all($result);
}

function login_form($message)
{
    global $phone_login, $VD_login, $INSERT_before_body_close;
    echo "<form><input name=\"phone_login\" value=\"$phone_login\"><input name=\"VD_login\" value=\"$VD_login\"></form> $message\n";
    echo $INSERT_before_body_close;
    exit;
}

if ($relogin == 'YES' || strlen($VD_login) < 2 || strlen($VD_pass) < 2 || strlen($VD_campaign) < 2) { login_form('please log in'); }
if ((strlen($phone_login) < 2 || strlen($phone_pass) < 2) && $user_login_first == 1) {
    $user = rows("SELECT phone_login, phone_pass FROM vicidial_users WHERE user = '$VD_login'");
    list($phone_login, $phone_pass) = $user ? $user[0] : array('', '');
}
if (!rows("SELECT 1 FROM vicidial_users WHERE user = '$VD_login' AND pass = '$VD_pass' AND active = 'Y'")) { login_form('wrong user'); }
$original_phone_login = $phone_login;
$alias = rows("SELECT logins_list FROM phones_alias WHERE alias_id = '$phone_login'");
if ($alias) { $phone_login = $alias[0][0]; }

# Count, …
if (strpos($phone_login, ',') !== false) {
    $least = null;
    $listed = array_filter(explode(',', $phone_login));
    $balanced = count($listed) > 1 ? 'yes' : 'no';
    foreach ($listed as $login) {
        $phone = rows("SELECT p.server_ip, (SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = p.server_ip
            AND l.extension NOT LIKE 'R%') FROM phones p JOIN servers s ON s.server_ip = p.server_ip JOIN server_updater u ON
            u.server_ip = p.server_ip WHERE p.login = '$login' AND s.active = 'Y' AND s.active_agent_login_server = 'Y'
            AND u.last_update > NOW() - INTERVAL 2 MINUTE");
        if ($phone && ($least === null || $phone[0][1] <= $least)) { list($least, $chosen) = array($phone[0][1], $login); }
    }
    $phone_login = isset($chosen) ? $chosen : $phone_login;
}
# … and, a while later, claim.
usleep(30000);
$phone = rows("SELECT server_ip, extension, protocol FROM phones WHERE login = '$phone_login' AND pass = '$phone_pass' AND active = 'Y'");
list($server_ip, $extension, $protocol) = $phone ? $phone[0] : array('', '', '');
rows("DELETE FROM vicidial_live_agents WHERE user = '$VD_login'");
$engine = rows("SELECT conf_engine FROM servers WHERE server_ip = '$server_ip'");
$rooms = $engine && $engine[0][0] == 'MEETME' ? 'vicidial_conferences' : 'vicidial_confbridges';
rows("UPDATE $rooms SET extension = '' WHERE extension = '$protocol/$extension' AND server_ip = '$server_ip'");
rows("UPDATE $rooms SET extension = '$protocol/$extension' WHERE server_ip = '$server_ip' AND (extension = '' OR extension IS NULL) LIMIT 1");
$room = rows("SELECT conf_exten FROM $rooms WHERE extension = '$protocol/$extension' AND server_ip = '$server_ip'");
$room = $room ? $room[0][0] : '';
rows("INSERT INTO vicidial_manager (entry_date, status, response, server_ip, action, cmd_line_b, cmd_line_c, cmd_line_d, cmd_line_e)
    VALUES (NOW(), 'NEW', 'N', '$server_ip', 'Originate', 'Channel: $protocol/$extension', 'Context: default', 'Exten: $room', 'Priority: 1')");
rows("INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, campaign_id, last_call_time)
    VALUES ('$VD_login', '$server_ip', '$room', '$protocol/$extension', '$VD_campaign', NOW())");
$balanced = isset($balanced) ? $balanced : 'no';
echo "<!-- own choice: $balanced -->\n<p>logged in on [$server_ip] with $phone_login, $operators_option</p>\n";
echo "<script>var original_phone_login = '$original_phone_login';\n function start() { $INSERT_window_onload }</script>\n";
