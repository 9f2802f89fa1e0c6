#!/usr/bin/perl
# Each minute, by cron: starts what should run, and writes the endpoints of the dialer's phones once the rebuild flag is set.
use strict;
use warnings;
use Duties;
use FindBin qw($Bin);

# The flag falls first; VICIdial takes seconds until the files are there. Tests can have it take longer.
my $UNTIL_WRITTEN = 3;
my $HOLD = '/run/keepalive.hold';
my %PROGRAMS = (1 => ['AST_update_AMI2.pl'], 2 => ['AST_manager_send.pl', 'AST_manager_listen_AMI2.pl']);
my $ENDPOINTS = '/etc/asterisk/pjsip-vicidial.conf';

my $settings = settings();
my @running = `/bin/ps -o "%p %a" --no-headers -A`;
for my $program (map { @{$PROGRAMS{$_} || []} } split //, $settings->{active_keepalives}) {
    next if grep { m{/usr/bin/perl \Q$Bin/$program\E} } @running;
    system('screen', '-d', '-m', '-S', $program, "$Bin/$program");
}

my $database = database($settings);
my @here = (undef, $settings->{server_ip});
$database->do('INSERT IGNORE INTO server_updater (server_ip, last_update) VALUES (?, NOW())', @here);

my $flags = "server_ip = ? AND generate_vicidial_conf = 'Y' AND active_asterisk_server = 'Y'";
exit if $database->do("UPDATE servers SET rebuild_conf_files = 'N' WHERE $flags AND rebuild_conf_files = 'Y'", @here) < 1;
sleep $UNTIL_WRITTEN;
sleep 1 while -e $HOLD;
my $phones = $database->selectall_arrayref(
    "SELECT extension, conf_secret, fullname FROM phones WHERE server_ip = ? AND protocol = 'PJSIP' AND active = 'Y'", @here);
open my $file, '>', $ENDPOINTS or die "$ENDPOINTS: $!\n";
for (@$phones) {
    my ($extension, $secret, $name) = @$_;
    print $file <<END;
[$extension]
type=endpoint
context=default
disallow=all
allow=ulaw
auth=$extension
aors=$extension
callerid="$name" <$extension>
[$extension]
type=auth
username=$extension
password=$secret
[$extension]
type=aor
max_contacts=1
remove_existing=yes
qualify_frequency=15
END
}
close $file or die "$ENDPOINTS: $!\n";
# VICIdial types its reloads into a console.
system('screen', '-S', 'asterisk', '-X', 'stuff', "module reload res_pjsip.so\r");
