-- The shape of VICIdial's database: the tables that Evenfloor touches, with VICIdial's names, types, keys
-- and engines, and of the other columns enough to show that nothing happens to them.

CREATE TABLE servers (
  server_id VARCHAR(10) NOT NULL,
  server_description VARCHAR(255),
  server_ip VARCHAR(15) NOT NULL,
  active ENUM('Y','N'),
  asterisk_version VARCHAR(20) DEFAULT '16.30.1',
  max_vicidial_trunks SMALLINT(4) DEFAULT 23,
  telnet_host VARCHAR(20) NOT NULL DEFAULT 'localhost',
  telnet_port INT(5) NOT NULL DEFAULT 5038,
  ASTmgrUSERNAME VARCHAR(20) NOT NULL DEFAULT 'cron',
  ASTmgrSECRET VARCHAR(20) NOT NULL DEFAULT '1234',
  local_gmt VARCHAR(6) DEFAULT '-5.00',
  ext_context VARCHAR(20) NOT NULL DEFAULT 'default',
  active_asterisk_server ENUM('Y','N') DEFAULT 'Y',
  generate_vicidial_conf ENUM('Y','N') DEFAULT 'Y',
  rebuild_conf_files ENUM('Y','N') DEFAULT 'Y',
  sysload INT(6) NOT NULL DEFAULT 0,
  channels_total SMALLINT(4) UNSIGNED NOT NULL DEFAULT 0,
  cpu_idle_percent SMALLINT(3) UNSIGNED NOT NULL DEFAULT 0,
  active_agent_login_server ENUM('Y','N') DEFAULT 'Y',
  conf_secret VARCHAR(100) DEFAULT 'test',
  external_server_ip VARCHAR(100) DEFAULT '',
  custom_dialplan_entry TEXT,
  active_twin_server_ip VARCHAR(15) DEFAULT '',
  user_group VARCHAR(20) DEFAULT '---ALL---',
  system_uptime VARCHAR(255) DEFAULT '',
  web_socket_url VARCHAR(255) DEFAULT '',
  conf_engine ENUM('MEETME','CONFBRIDGE') DEFAULT 'MEETME',
  UNIQUE KEY server_id (server_id)
) ENGINE=MyISAM;

CREATE TABLE phones (
  extension VARCHAR(100),
  dialplan_number VARCHAR(20),
  voicemail_id VARCHAR(10),
  phone_ip VARCHAR(15),
  computer_ip VARCHAR(15),
  server_ip VARCHAR(15),
  login VARCHAR(15),
  pass VARCHAR(100),
  status VARCHAR(10),
  active ENUM('Y','N'),
  phone_type VARCHAR(50),
  fullname VARCHAR(50),
  company VARCHAR(10),
  picture VARCHAR(19),
  messages INT(4),
  old_messages INT(4),
  protocol ENUM('SIP','PJSIP','Zap','IAX2','EXTERNAL') DEFAULT 'SIP',
  local_gmt VARCHAR(6) DEFAULT '-5.00',
  ASTmgrUSERNAME VARCHAR(20) DEFAULT 'cron',
  ASTmgrSECRET VARCHAR(20) DEFAULT '1234',
  recording_exten VARCHAR(10) DEFAULT '8309',
  outbound_cid VARCHAR(20),
  email VARCHAR(100),
  template_id VARCHAR(15) NOT NULL,
  conf_override TEXT,
  phone_context VARCHAR(20) DEFAULT 'default',
  phone_ring_timeout SMALLINT(3) DEFAULT 60,
  conf_secret VARCHAR(100) DEFAULT 'test',
  is_webphone ENUM('Y','N','Y_API_LAUNCH') DEFAULT 'N',
  codecs_list VARCHAR(100) DEFAULT '',
  on_hook_agent ENUM('Y','N') DEFAULT 'N',
  user_group VARCHAR(20) DEFAULT '---ALL---',
  peer_status ENUM('UNKNOWN','REGISTERED','UNREGISTERED','REACHABLE','LAGGED','UNREACHABLE') NOT NULL DEFAULT 'UNKNOWN',
  ping_time SMALLINT(6) DEFAULT NULL,
  KEY server_ip (server_ip),
  KEY voicemail_id (voicemail_id),
  KEY dialplan_number (dialplan_number),
  UNIQUE KEY extenserver (extension, server_ip)
) ENGINE=MyISAM;

CREATE TABLE phones_alias (
  alias_id VARCHAR(20) NOT NULL,
  alias_name VARCHAR(50),
  logins_list VARCHAR(255),
  user_group VARCHAR(20) DEFAULT '---ALL---',
  PRIMARY KEY (alias_id)
) ENGINE=MyISAM;

-- Larger clusters keep it in memory.
CREATE TABLE vicidial_live_agents (
  live_agent_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT,
  user VARCHAR(20),
  server_ip VARCHAR(15) NOT NULL,
  conf_exten VARCHAR(20),
  extension VARCHAR(100),
  status ENUM('READY','QUEUE','INCALL','PAUSED','CLOSER','MQUEUE') DEFAULT 'PAUSED',
  lead_id INT(9) UNSIGNED NOT NULL,
  campaign_id VARCHAR(8),
  uniqueid VARCHAR(20),
  callerid VARCHAR(20),
  channel VARCHAR(100),
  random_id INT(8) UNSIGNED,
  last_call_time DATETIME,
  last_update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  last_call_finish DATETIME,
  PRIMARY KEY (live_agent_id),
  KEY random_id (random_id),
  KEY last_call_time (last_call_time),
  KEY lead_id (lead_id),
  KEY user (user)
) ENGINE=MEMORY;

CREATE TABLE server_updater (
  server_ip VARCHAR(15) NOT NULL,
  last_update DATETIME,
  db_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY serverip (server_ip)
) ENGINE=MyISAM;

CREATE TABLE conferences (
  conf_exten INT(7) UNSIGNED NOT NULL,
  server_ip VARCHAR(15) NOT NULL,
  extension VARCHAR(100),
  UNIQUE KEY extenserver (conf_exten, server_ip)
) ENGINE=MyISAM;

CREATE TABLE vicidial_conferences (
  conf_exten INT(7) UNSIGNED NOT NULL,
  server_ip VARCHAR(15) NOT NULL,
  extension VARCHAR(100),
  leave_3way ENUM('0','1') DEFAULT '0',
  leave_3way_datetime DATETIME,
  UNIQUE KEY vextenserver (conf_exten, server_ip)
) ENGINE=MyISAM;

CREATE TABLE vicidial_confbridges (
  conf_exten INT(7) UNSIGNED NOT NULL,
  server_ip VARCHAR(15) NOT NULL,
  extension VARCHAR(100) DEFAULT NULL,
  leave_3way ENUM('0','1') DEFAULT '0',
  leave_3way_datetime DATETIME DEFAULT NULL,
  UNIQUE KEY serverconf (server_ip, conf_exten),
  UNIQUE KEY conf_exten (conf_exten, server_ip)
) ENGINE=MyISAM DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;

CREATE TABLE vicidial_manager (
  man_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT,
  uniqueid VARCHAR(20),
  entry_date DATETIME,
  status ENUM('NEW','QUEUE','SENT','UPDATED','DEAD'),
  response ENUM('Y','N'),
  server_ip VARCHAR(15) NOT NULL,
  channel VARCHAR(100),
  action VARCHAR(20),
  callerid VARCHAR(20),
  cmd_line_b VARCHAR(100),
  cmd_line_c VARCHAR(100),
  cmd_line_d VARCHAR(200),
  cmd_line_e VARCHAR(100),
  cmd_line_f VARCHAR(100),
  cmd_line_g VARCHAR(100),
  cmd_line_h VARCHAR(100),
  cmd_line_i VARCHAR(100),
  cmd_line_j VARCHAR(100),
  cmd_line_k VARCHAR(100),
  PRIMARY KEY (man_id),
  KEY serverstat (server_ip, status)
) ENGINE=MyISAM;

CREATE TABLE vicidial_campaigns (
  campaign_id VARCHAR(8) NOT NULL,
  campaign_name VARCHAR(40),
  active ENUM('Y','N'),
  pllb_grouping ENUM('DISABLED','ONE_SERVER_ONLY','CASCADING') DEFAULT 'DISABLED',
  pllb_grouping_limit SMALLINT(5) DEFAULT 50,
  PRIMARY KEY (campaign_id)
) ENGINE=MyISAM;

CREATE TABLE vicidial_users (
  user_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT,
  user VARCHAR(20) NOT NULL,
  pass VARCHAR(100) NOT NULL,
  user_level TINYINT(3) UNSIGNED DEFAULT 1,
  active ENUM('Y','N') DEFAULT 'Y',
  api_only_user ENUM('0','1') DEFAULT '0',
  phone_login VARCHAR(20),
  phone_pass VARCHAR(100),
  PRIMARY KEY (user_id),
  UNIQUE KEY user (user)
) ENGINE=MyISAM;

CREATE TABLE system_settings (
  version VARCHAR(50),
  db_schema_version INT(8) UNSIGNED DEFAULT 0,
  default_local_gmt VARCHAR(6) DEFAULT '-5.00',
  allowed_sip_stacks ENUM('SIP','PJSIP','SIP_and_PJSIP') DEFAULT 'SIP',
  pllb_grouping_limit SMALLINT(5) DEFAULT 100
) ENGINE=MyISAM;
