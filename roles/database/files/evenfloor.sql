-- Evenfloor's own tables, on every cluster. Every statement may run again.

-- Whose cluster this is: the values of cluster_flavor and cluster_name. One row, each value written
-- once. A run whose inventory says another flavor or name is refused.
CREATE TABLE IF NOT EXISTS evenfloor_cluster (
  id TINYINT NOT NULL DEFAULT 1,
  flavor VARCHAR(20) NOT NULL,
  created DATETIME NOT NULL,
  cluster_name VARCHAR(60) DEFAULT NULL,
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
-- Clusters of earlier releases have the table without the name.
ALTER TABLE evenfloor_cluster ADD COLUMN IF NOT EXISTS cluster_name VARCHAR(60) DEFAULT NULL;

-- What Evenfloor knows of a dialer beyond VICIdial's columns. `opened` is set once,
-- when the dialer was opened for logins the first time: a row without it is a
-- dialer that is still being added.
CREATE TABLE IF NOT EXISTS evenfloor_dialers (
  server_ip VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  max_agents SMALLINT UNSIGNED DEFAULT NULL,
  opened DATETIME DEFAULT NULL,
  PRIMARY KEY (server_ip)
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
