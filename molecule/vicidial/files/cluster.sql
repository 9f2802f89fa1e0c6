-- Four dialers in service, one of them the web host, two hundred agents with an alias each, and what people have made by hand.
INSERT INTO system_settings (version, db_schema_version) VALUES ('2.14-700a', 1726);
INSERT INTO vicidial_campaigns (campaign_id, campaign_name, active) VALUES ('SALES', 'Sales', 'Y');

INSERT INTO servers (server_id, server_description, server_ip, active, conf_engine, ASTmgrSECRET)
SELECT IF(seq = 4, 'web1', CONCAT('dialer', seq)), CONCAT('Dialer ', seq), CONCAT('10.95.0.', IF(seq = 4, 20, 30 + seq)), 'Y', IF(seq = 2, 'MEETME', 'CONFBRIDGE'),
  CONCAT('manager', seq) FROM seq_1_to_4;
-- A server that is no dialer: it has a row as any, and no phone.
INSERT INTO servers (server_id, server_ip, active) VALUES ('archive', '10.95.0.40', 'Y');
-- As VICIdial has it.
ALTER TABLE server_updater ENGINE=MEMORY;
INSERT INTO server_updater (server_ip, last_update) SELECT server_ip, NOW() FROM servers;
INSERT INTO vicidial_conferences (conf_exten, server_ip) SELECT seq, server_ip FROM servers, seq_8600051_to_8600299;
INSERT INTO vicidial_confbridges (conf_exten, server_ip) SELECT seq, server_ip FROM servers, seq_8600051_to_8600299;
INSERT INTO conferences (conf_exten, server_ip) SELECT seq, server_ip FROM servers, seq_8600001_to_8600049;

INSERT INTO phones (extension, dialplan_number, voicemail_id, server_ip, login, pass, status, active, phone_type, fullname,
  protocol, outbound_cid, template_id, conf_secret)
SELECT e.seq, e.seq, e.seq, CONCAT('10.95.0.', IF(d.seq = 4, 20, 30 + d.seq)), CONCAT(e.seq, CHAR(96 + d.seq USING utf8)), 'phonepass', 'ACTIVE', 'Y', 'CCagent',
  CONCAT('station ', e.seq), 'PJSIP', '0000000000', '', CONCAT('registration', e.seq)
FROM seq_1001_to_1200 e, seq_1_to_4 d;
INSERT INTO phones_alias (alias_id, alias_name, logins_list)
SELECT CONCAT(seq, 'x'), CONCAT('Desk ', seq), CONCAT(seq, 'a,', seq, 'b,', seq, 'c,', seq, 'd') FROM seq_1001_to_1200;
INSERT INTO vicidial_users (user, pass) SELECT CONCAT('agent', seq), 'userpass' FROM seq_1001_to_1200;

-- By hand: a team's alias that mixes extensions, one more alias of phones that have one, an alias that is called like a
-- phone, a phone that nobody's alias names, an extension on two dialers alone.
INSERT INTO phones_alias (alias_id, alias_name, logins_list)
VALUES ('team', 'Team', '1001a,1002b'), ('1001boss', 'Boss', '1001a,1001b'), ('1003d', 'Same', '1003a,1003d');
INSERT INTO phones (extension, server_ip, login, pass, status, active, protocol, template_id)
VALUES ('gate', '10.95.0.31', 'gate', 'open', 'ACTIVE', 'Y', 'SIP', ''),
  ('2001', '10.95.0.31', '2001a', 'phonepass', 'ACTIVE', 'Y', 'PJSIP', ''), ('2001', '10.95.0.33', '2001c', 'phonepass', 'ACTIVE', 'Y', 'PJSIP', '');
INSERT INTO phones_alias (alias_id, alias_name, logins_list) VALUES ('2001', 'Reception', '2001a,2001c');
-- A phone of the list with another password, as it happens.
UPDATE phones SET pass = 'another' WHERE login = '1200d';
-- An agent who gives no phone: it is in the user's row.
UPDATE vicidial_users SET phone_login = '1199x', phone_pass = 'phonepass' WHERE user = 'agent1199';

-- What VICIdial's processes do on a dialer that runs: it sends heartbeats, and files are written when they should be.
CREATE DATABASE lab;
CREATE TABLE lab.running (server_ip VARCHAR(15) PRIMARY KEY) ENGINE=MyISAM;
CREATE TABLE lab.rebuilt (server_ip VARCHAR(15), done DATETIME) ENGINE=MyISAM;
INSERT INTO lab.running SELECT server_ip FROM servers;
UPDATE servers SET rebuild_conf_files = 'N';
DELIMITER //
CREATE EVENT lab.dialers ON SCHEDULE EVERY 1 SECOND DO
BEGIN
  UPDATE asterisk.server_updater u JOIN lab.running r ON CONVERT(r.server_ip USING utf8) = u.server_ip SET u.last_update = NOW();
  INSERT INTO lab.rebuilt SELECT server_ip, NOW() FROM asterisk.servers WHERE rebuild_conf_files = 'Y'
    AND server_ip IN (SELECT CONVERT(server_ip USING utf8) FROM lab.running);
  UPDATE asterisk.servers SET rebuild_conf_files = 'N' WHERE rebuild_conf_files = 'Y'
    AND server_ip IN (SELECT CONVERT(server_ip USING utf8) FROM lab.running);
END //
DELIMITER ;
