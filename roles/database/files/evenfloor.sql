-- Evenfloor's own tables, on every cluster. Every statement may run again.

-- Whose cluster this is: the values of cluster_flavor and cluster_name. One row, each value written
-- once. A run whose inventory says another flavor or name is refused. `lock_secret` is a part of the
-- name of the balancer's lock, so that nobody holds it who may not read this. Empty until every
-- login host knows it.
CREATE TABLE IF NOT EXISTS evenfloor_cluster (
  id TINYINT NOT NULL DEFAULT 1,
  flavor VARCHAR(20) NOT NULL,
  created DATETIME NOT NULL,
  cluster_name VARCHAR(60) DEFAULT NULL,
  lock_secret VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The lease of the provisioning run that is under way: at most one row. `token` names the run. The
-- run renews the lease as long as it lives, and deletes the row at its end; a run that can do
-- neither loses the lease when it expires. Times are in UTC.
CREATE TABLE IF NOT EXISTS evenfloor_run (
  id TINYINT NOT NULL DEFAULT 1,
  token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  who VARCHAR(100) NOT NULL,
  origin VARCHAR(255) NOT NULL,
  playbook VARCHAR(255) NOT NULL,
  since DATETIME NOT NULL,
  expires DATETIME NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
-- Clusters of earlier releases have the table without these columns.
ALTER TABLE evenfloor_cluster ADD COLUMN IF NOT EXISTS cluster_name VARCHAR(60) DEFAULT NULL;
ALTER TABLE evenfloor_cluster ADD COLUMN IF NOT EXISTS
  lock_secret VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';

-- What Evenfloor knows of a dialer beyond VICIdial's columns. `opened` is set once,
-- when the dialer was opened for logins the first time: a row without it is a
-- dialer that is still being added.
CREATE TABLE IF NOT EXISTS evenfloor_dialers (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  max_agents SMALLINT UNSIGNED DEFAULT NULL,
  opened DATETIME DEFAULT NULL,
  PRIMARY KEY (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A dialer's weight in the choice: the next login goes where local agents ÷ `weight` is least. A
-- dialer without a row has the weight 1.
CREATE TABLE IF NOT EXISTS evenfloor_weights (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  weight DECIMAL(5,2) NOT NULL,
  PRIMARY KEY (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The dialers that the guard holds back because they are too busy, since when (in UTC).
CREATE TABLE IF NOT EXISTS evenfloor_held (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  since DATETIME NOT NULL,
  PRIMARY KEY (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Which dialer a host is that connects from another address than the dialer's own; a host without a
-- row is the dialer of its address. Decides what a daemon may touch: only provisioning writes it.
CREATE TABLE IF NOT EXISTS evenfloor_hosts (
  address VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (address)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A dialer that is getting another address, and every address that it leaves; the rows are gone when
-- it has arrived. `server_ip` is the address that it gets, `reopen` whether it took logins before.
CREATE TABLE IF NOT EXISTS evenfloor_renumbering (
  server_id VARCHAR(10) NOT NULL,
  former_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reopen TINYINT NOT NULL,
  PRIMARY KEY (server_id, former_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The daemon in charge of a dialer: `token` is its own, made when it started, `host` where it runs.
-- `beat` is its heartbeat. `started` and `beat` are in UTC, so that no hour comes twice.
-- `calls_kept` says how many calls without a live-agent row it lets go on, because so many at once
-- look like a mistake in the database. The last five are for monitoring: `calls` says how many calls
-- go on, the others count since the daemon started, what it found wrong when it compared sessions,
-- rooms and channels, and how often it has connected to Asterisk and to the database. `writes_to` is
-- the host name of the database that it reaches.
-- `charge_secret` is a part of the name of the lock that the daemon in charge holds, so that nobody
-- holds it who may not read this. `restored` is 1 after the database was restored, until the daemon has
-- compared it with Asterisk: its heartbeat doesn't count before. It is 2 as long as the daemon then finds
-- calls without a live-agent row, none of which may end for that.
CREATE TABLE IF NOT EXISTS evenfloor_daemons (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  token VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  charge_secret VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  host VARCHAR(64) NOT NULL,
  started DATETIME NOT NULL,
  beat DATETIME DEFAULT NULL,
  calls_kept SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  calls SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  findings INT UNSIGNED NOT NULL DEFAULT 0,
  asterisk_connections INT UNSIGNED NOT NULL DEFAULT 0,
  database_connections INT UNSIGNED NOT NULL DEFAULT 0,
  restored TINYINT UNSIGNED NOT NULL DEFAULT 0,
  writes_to VARCHAR(64) NOT NULL DEFAULT '',
  PRIMARY KEY (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
-- Clusters of earlier releases have the table without these columns.
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS
  charge_secret VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '';
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS calls SMALLINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS findings INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS
  asterisk_connections INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS
  database_connections INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS
  restored TINYINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE evenfloor_daemons ADD COLUMN IF NOT EXISTS writes_to VARCHAR(64) NOT NULL DEFAULT '';

-- What the login services have seen of each dialer's heartbeat: written when it becomes late or comes
-- again, and once a minute. `last_update` is the last one that is known, `is_late` says whether it
-- is missing, `back_since` when it came again after it had been missing. Times are in UTC.
CREATE TABLE IF NOT EXISTS evenfloor_heartbeats (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_update DATETIME NOT NULL,
  is_late TINYINT NOT NULL,
  back_since DATETIME DEFAULT NULL,
  PRIMARY KEY (server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A choice made and not yet live: counts as an agent until it expires or goes live. In memory,
-- because it lives for seconds and is written while every other login waits. `newest_id` is the
-- newest live-agent row of that time: a newer one of this user is the login it was made for.
-- `old_id` is the live-agent row that the user had then: it no longer counts. `expires` is in
-- UTC. The user's collation is named, because it is compared with that of other tables.
CREATE TABLE IF NOT EXISTS evenfloor_reservations (
  user VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(8) NOT NULL,
  newest_id INT UNSIGNED NOT NULL,
  old_id INT UNSIGNED NOT NULL DEFAULT 0,
  expires DATETIME NOT NULL,
  PRIMARY KEY (user)
) ENGINE=MEMORY DEFAULT CHARSET=utf8mb4;

-- Counts the claims of a cluster that has several databases: two that are written to at once collide
-- in this row. Where one database is all there is, the table stays empty and nothing is counted.
CREATE TABLE IF NOT EXISTS evenfloor_epoch (
  id TINYINT NOT NULL DEFAULT 1,
  epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What was chosen and why; `detail` is JSON with every dialer's count and state.
CREATE TABLE IF NOT EXISTS evenfloor_decisions (
  decision_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  decided DATETIME NOT NULL,
  user VARCHAR(20) NOT NULL,
  alias_id VARCHAR(255) NOT NULL,
  campaign_id VARCHAR(8) NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  phone_login VARCHAR(15) DEFAULT NULL,
  outcome VARCHAR(30) NOT NULL,
  detail MEDIUMTEXT DEFAULT NULL,
  PRIMARY KEY (decision_id),
  KEY decided (decided)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Phones and aliases that were removed, so that they can come back as they were. Written before they
-- go, and gone once they have come back or are old enough. `name` is the extension or the alias's
-- id, `row_there` the whole row as JSON, with its passwords: only the provisioning user reads it.
-- `closed` is set while a phone is still there, closed for logins, because an agent was talking on
-- it. Both times are in UTC.
CREATE TABLE IF NOT EXISTS evenfloor_removed (
  kind ENUM('phone','alias') NOT NULL,
  name VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  removed DATETIME(6) NOT NULL,
  closed DATETIME DEFAULT NULL,
  row_there MEDIUMTEXT NOT NULL,
  PRIMARY KEY (kind, name, server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Wrong passwords, counted for an address or an alias (`subject` says which, as a digest) until
-- `ends`, in UTC. In memory, because it lives for a minute.
CREATE TABLE IF NOT EXISTS evenfloor_attempts (
  subject VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  failures SMALLINT UNSIGNED NOT NULL,
  ends DATETIME NOT NULL,
  PRIMARY KEY (subject)
) ENGINE=MEMORY DEFAULT CHARSET=utf8mb4;

-- Agents who have passwords of their own. With a row, every login has to name one of them and to send
-- its password; without any, `user` is a label. `password_hash` is in werkzeug's form. A user compares
-- as in VICIdial's tables: capitals don't count.
CREATE TABLE IF NOT EXISTS evenfloor_agents (
  user VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (user)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What those who watch the floor see besides logins: refusals, and what becomes of dialers. The newest
-- 50,000, for the page of a day. `happened` is in UTC.
CREATE TABLE IF NOT EXISTS evenfloor_events (
  event_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  happened DATETIME NOT NULL,
  kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user VARCHAR(20) NOT NULL,
  alias_id VARCHAR(255) NOT NULL,
  dialer VARCHAR(20) NOT NULL,
  address VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  detail VARCHAR(255) NOT NULL,
  PRIMARY KEY (event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The floor as the page /floor shows it: one row for all who look. `claimed` says when somebody began
-- to make the next one, so that nobody else does for a second, `made` when `content`, which is JSON,
-- was written. Both are in UTC.
CREATE TABLE IF NOT EXISTS evenfloor_snapshot (
  id TINYINT NOT NULL DEFAULT 1,
  claimed DATETIME(6) NOT NULL,
  made DATETIME(6) DEFAULT NULL,
  content MEDIUMTEXT DEFAULT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- How many local agents each dialer had, and its condition, every quarter minute: `quarter_minute` is
-- the number of quarter minutes since 1970. Kept for 35 days.
CREATE TABLE IF NOT EXISTS evenfloor_history (
  quarter_minute INT UNSIGNED NOT NULL,
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  agents SMALLINT UNSIGNED NOT NULL,
  state ENUM('open','held','closed','dead') NOT NULL,
  PRIMARY KEY (quarter_minute, server_ip)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The tokens with which phones fetch their accounts, one an alias at most. Of a token there is the
-- SHA-256 of its SHA-256. `device` is the MAC address of the desk phone that has used it first; empty
-- for none. `model` says what has fetched last, with the number of its accounts where others of its
-- maker hold more (`yealink/6`); `fetched` when, to the hour, in UTC.
CREATE TABLE IF NOT EXISTS evenfloor_phone_tokens (
  alias_id VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  token_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  device VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  model VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  fetched DATETIME DEFAULT NULL,
  PRIMARY KEY (alias_id),
  UNIQUE KEY token_hash (token_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
