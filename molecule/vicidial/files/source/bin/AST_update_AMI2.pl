#!/usr/bin/perl
# Sends a heartbeat each time Asterisk's manager interface answers, and none while it doesn't.
use strict;
use warnings;
use Duties;
use Time::HiRes qw(sleep);

forever('off', sub {
    my ($manager, $database, $server_ip) = @_;
    while (defined ask($manager, 'Action: Ping')) {
        $database->do('UPDATE server_updater SET last_update = NOW() WHERE server_ip = ?', undef, $server_ip);
        sleep 0.4;
    }
});
