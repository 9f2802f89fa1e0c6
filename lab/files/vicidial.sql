-- What an administrator sets in a new VICIdial, and agents. VICIdial's own server row stays as what dialers are copied from.
UPDATE servers SET server_id = 'template', active = 'N', active_asterisk_server = 'N', active_agent_login_server = 'N',
  conf_engine = 'CONFBRIDGE', external_server_ip = server_ip WHERE server_ip = '10.10.10.15';
DELETE FROM phones WHERE server_ip = '10.10.10.15';
DELETE FROM server_updater;
-- VICIdial ships no rooms for ConfBridge.
INSERT INTO vicidial_confbridges (conf_exten, server_ip, extension) SELECT seq, '10.10.10.15', '' FROM seq_9600000_to_9600299;
UPDATE system_settings SET allowed_sip_stacks = 'PJSIP', active_voicemail_server = '10.90.0.31', webroot_writable = '0',
  first_login_trigger = 'N';
INSERT INTO vicidial_campaigns (campaign_id, campaign_name, active, dial_method, no_hopper_leads_logins, allow_closers)
  VALUES ('SALES', 'Sales', 'Y', 'MANUAL', 'Y', 'N');
INSERT INTO vicidial_users (user, pass, full_name, user_level, user_group, active)
  SELECT CONCAT('agent', seq), 'userpass', CONCAT('Agent ', seq), 1, 'ADMIN', 'Y' FROM seq_1001_to_1040;
