<?php
# A page with the same names that logs nobody in to a phone: the hook has no business here.
require_once('dbconnect_mysqli.php');
$phone_login = (string) @$_POST['phone_login'];
$phone_pass = (string) @$_POST['phone_pass'];
$VD_login = (string) @$_POST['VD_login'];
$VD_pass = (string) @$_POST['VD_pass'];
$VD_campaign = (string) @$_POST['VD_campaign'];
if (file_exists('options.php')) { require('options.php'); }
echo "timeclock of $VD_login, phone $phone_login, $operators_option\n";
