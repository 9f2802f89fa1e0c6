#!/usr/bin/perl
# Sends what is new for this dialer in vicidial_manager to Asterisk's manager interface.
use strict;
use warnings;
use Duties;
use Time::HiRes qw(sleep);

my $lines = join ', ', map { "cmd_line_$_" } 'b' .. 'k';

forever('off', sub {
    my ($manager, $database, $server_ip) = @_;
    while (1) {
        my $new = $database->selectall_arrayref(
            "SELECT man_id, action, $lines FROM vicidial_manager WHERE server_ip = ? AND status = 'NEW' ORDER BY man_id",
            undef, $server_ip);
        for my $row (@$new) {
            my ($id, $action, @more) = @$row;
            my $answer = ask($manager, "Action: $action", 'Async: true', grep { defined && length } @more);
            my $status = defined $answer ? 'SENT' : 'DEAD';
            $database->do('UPDATE vicidial_manager SET status = ? WHERE man_id = ?', undef, $status, $id);
            return unless defined $answer;
        }
        return unless @$new || defined ask($manager, 'Action: Ping');
        sleep 0.2;
    }
});
