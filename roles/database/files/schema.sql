-- What a `plain` cluster shares with VICIdial; Evenfloor's own tables are in evenfloor.sql.
--
-- The shared tables carry VICIdial's names, columns and types, so that the same
-- balancer serves a cluster that runs VICIdial; only the columns in use are here.
-- Engine and indexes are Evenfloor's own: InnoDB, and an index for every question
-- that is asked while an agent waits. Addresses are compared byte by byte, because
-- a choice compares thousands of them.
--
-- Every statement may run again: an existing table is left as it is.

-- One row per dialer. active_agent_login_server is the switch that opens it.
CREATE TABLE IF NOT EXISTS servers (
  server_id VARCHAR(10) NOT NULL,
  server_description VARCHAR(255) DEFAULT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  active ENUM('Y','N') DEFAULT NULL,
  asterisk_version VARCHAR(20) DEFAULT '',
  max_vicidial_trunks SMALLINT(4) DEFAULT 23,
  telnet_host VARCHAR(20) NOT NULL DEFAULT 'localhost',
  telnet_port INT(5) NOT NULL DEFAULT 5038,
  ASTmgrUSERNAME VARCHAR(20) NOT NULL DEFAULT 'cron',
  -- On a plain cluster the AMI secret stays on the dialer and this column says nothing.
  ASTmgrSECRET VARCHAR(20) NOT NULL DEFAULT '',
  local_gmt VARCHAR(6) DEFAULT '-5.00',
  ext_context VARCHAR(20) NOT NULL DEFAULT 'default',
  active_asterisk_server ENUM('Y','N') DEFAULT 'Y',
  generate_vicidial_conf ENUM('Y','N') DEFAULT 'Y',
  rebuild_conf_files ENUM('Y','N') DEFAULT 'Y',
  -- How busy it is: its daemon writes them.
  sysload INT(6) NOT NULL DEFAULT 0,
  channels_total SMALLINT(4) UNSIGNED NOT NULL DEFAULT 0,
  cpu_idle_percent SMALLINT(3) UNSIGNED NOT NULL DEFAULT 100,
  active_agent_login_server ENUM('Y','N') DEFAULT 'Y',
  active_twin_server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin DEFAULT '',
  conf_engine ENUM('MEETME','CONFBRIDGE') DEFAULT 'MEETME',
  conf_secret VARCHAR(100) DEFAULT 'test',
  external_server_ip VARCHAR(100) DEFAULT '',
  user_group VARCHAR(20) DEFAULT '---ALL---',
  PRIMARY KEY (server_id),
  UNIQUE KEY server_ip (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
-- Clusters of earlier releases have the table without these columns.
ALTER TABLE servers ADD COLUMN IF NOT EXISTS sysload INT(6) NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN IF NOT EXISTS
  channels_total SMALLINT(4) UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN IF NOT EXISTS
  cpu_idle_percent SMALLINT(3) UNSIGNED NOT NULL DEFAULT 100;

-- One row per extension and dialer.
CREATE TABLE IF NOT EXISTS phones (
  extension VARCHAR(100) NOT NULL DEFAULT '',
  dialplan_number VARCHAR(20) DEFAULT NULL,
  voicemail_id VARCHAR(10) DEFAULT NULL,
  phone_ip VARCHAR(15) DEFAULT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  login VARCHAR(15) DEFAULT NULL,
  pass VARCHAR(100) DEFAULT NULL,
  status VARCHAR(10) DEFAULT NULL,
  active ENUM('Y','N') DEFAULT NULL,
  phone_type VARCHAR(50) DEFAULT NULL,
  fullname VARCHAR(50) DEFAULT NULL,
  protocol ENUM('SIP','PJSIP','Zap','IAX2','EXTERNAL') DEFAULT 'SIP',
  local_gmt VARCHAR(6) DEFAULT '-5.00',
  outbound_cid VARCHAR(20) DEFAULT NULL,
  template_id VARCHAR(15) NOT NULL DEFAULT '',
  conf_secret VARCHAR(100) DEFAULT 'test',
  phone_context VARCHAR(20) DEFAULT 'default',
  is_webphone ENUM('Y','N','Y_API_LAUNCH') DEFAULT 'N',
  peer_status ENUM('UNKNOWN','REGISTERED','UNREGISTERED','REACHABLE','LAGGED','UNREACHABLE') DEFAULT 'UNKNOWN',
  user_group VARCHAR(20) DEFAULT '---ALL---',
  UNIQUE KEY extenserver (extension, server_ip),
  KEY server_ip (server_ip),
  UNIQUE KEY login (login)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One row per agent's login: the list of the phone logins behind it.
CREATE TABLE IF NOT EXISTS phones_alias (
  alias_id VARCHAR(20) NOT NULL,
  alias_name VARCHAR(50) DEFAULT NULL,
  logins_list VARCHAR(255) DEFAULT NULL,
  user_group VARCHAR(20) DEFAULT '---ALL---',
  PRIMARY KEY (alias_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Who is logged in, where. This is what is counted.
CREATE TABLE IF NOT EXISTS vicidial_live_agents (
  live_agent_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT,
  user VARCHAR(20) DEFAULT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  conf_exten VARCHAR(20) DEFAULT NULL,
  extension VARCHAR(100) DEFAULT NULL,
  status ENUM('READY','QUEUE','INCALL','PAUSED','CLOSER','MQUEUE') DEFAULT 'PAUSED',
  lead_id INT(9) UNSIGNED NOT NULL DEFAULT 0,
  campaign_id VARCHAR(8) DEFAULT NULL,
  uniqueid VARCHAR(20) DEFAULT NULL,
  callerid VARCHAR(20) DEFAULT NULL,
  channel VARCHAR(100) DEFAULT NULL,
  random_id INT(8) UNSIGNED DEFAULT NULL,
  last_call_time DATETIME DEFAULT NULL,
  last_update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  last_call_finish DATETIME DEFAULT NULL,
  PRIMARY KEY (live_agent_id),
  KEY lead_id (lead_id),
  KEY user (user),
  KEY evenfloor_floor (server_ip, campaign_id, extension),
  KEY evenfloor_extension (extension)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The heartbeat, one row per dialer.
CREATE TABLE IF NOT EXISTS server_updater (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_update DATETIME DEFAULT NULL,
  db_time DATETIME DEFAULT NULL,
  UNIQUE KEY serverip (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Rooms. MeetMe and ConfBridge have a table each; a plain cluster fills the second.
CREATE TABLE IF NOT EXISTS vicidial_conferences (
  conf_exten INT(7) UNSIGNED NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  extension VARCHAR(100) DEFAULT NULL,
  leave_3way ENUM('0','1') DEFAULT '0',
  leave_3way_datetime DATETIME DEFAULT NULL,
  UNIQUE KEY extenserver (conf_exten, server_ip),
  KEY evenfloor_free (server_ip, extension, conf_exten)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS vicidial_confbridges (
  conf_exten INT(7) UNSIGNED NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  extension VARCHAR(100) DEFAULT NULL,
  leave_3way ENUM('0','1') DEFAULT '0',
  leave_3way_datetime DATETIME DEFAULT NULL,
  UNIQUE KEY extenserver (conf_exten, server_ip),
  KEY evenfloor_free (server_ip, extension, conf_exten)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The queue of AMI actions: a login writes a row, the dialer's daemon sends it.
CREATE TABLE IF NOT EXISTS vicidial_manager (
  man_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT,
  uniqueid VARCHAR(20) DEFAULT NULL,
  entry_date DATETIME DEFAULT NULL,
  status ENUM('NEW','QUEUE','SENT','UPDATED','DEAD') DEFAULT NULL,
  response ENUM('Y','N') DEFAULT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  channel VARCHAR(100) DEFAULT NULL,
  action VARCHAR(20) DEFAULT NULL,
  callerid VARCHAR(20) DEFAULT NULL,
  cmd_line_b VARCHAR(100) DEFAULT NULL,
  cmd_line_c VARCHAR(100) DEFAULT NULL,
  cmd_line_d VARCHAR(200) DEFAULT NULL,
  cmd_line_e VARCHAR(100) DEFAULT NULL,
  cmd_line_f VARCHAR(100) DEFAULT NULL,
  cmd_line_g VARCHAR(100) DEFAULT NULL,
  cmd_line_h VARCHAR(100) DEFAULT NULL,
  cmd_line_i VARCHAR(100) DEFAULT NULL,
  cmd_line_j VARCHAR(100) DEFAULT NULL,
  cmd_line_k VARCHAR(100) DEFAULT NULL,
  PRIMARY KEY (man_id),
  KEY callerid (callerid),
  KEY serverstat (server_ip, status)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS vicidial_campaigns (
  campaign_id VARCHAR(8) NOT NULL,
  campaign_name VARCHAR(40) DEFAULT NULL,
  active ENUM('Y','N') DEFAULT NULL,
  pllb_grouping ENUM('DISABLED','ONE_SERVER_ONLY','CASCADING') DEFAULT 'DISABLED',
  pllb_grouping_limit SMALLINT(5) DEFAULT 50,
  PRIMARY KEY (campaign_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One row in all.
CREATE TABLE IF NOT EXISTS system_settings (
  pllb_grouping_limit SMALLINT(5) DEFAULT 100
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
