#!/usr/bin/perl
# Notes in phones.peer_status what Asterisk says of its phones. When Asterisk comes back, what is noted stays.
use strict;
use warnings;
use Duties;

forever('system', sub {
    my ($manager, $database, $server_ip) = @_;
    while (defined(my $packet = next_packet($manager))) {
        next unless $packet =~ /^Event: PeerStatus\r/m;
        my ($extension) = $packet =~ m{^Peer: PJSIP/(.*?)\r}m or next;
        my ($status) = $packet =~ /^PeerStatus: (Reachable|Unreachable)\r/m or next;
        $database->do('UPDATE phones SET peer_status = ? WHERE extension = ? AND server_ip = ?',
            undef, uc $status, $extension, $server_ip);
    }
});
