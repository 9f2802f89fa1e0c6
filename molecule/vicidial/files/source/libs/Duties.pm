package Duties;

# What the programs share: the dialer's settings, the database, and Asterisk's manager interface.
use strict;
use warnings;
use DBI;
use Exporter qw(import);
use IO::Socket::INET;

our @EXPORT = qw(settings database connect_manager ask next_packet forever);

sub settings {
    open my $file, '<', '/etc/astguiclient.conf' or die "/etc/astguiclient.conf: $!\n";
    return {map { /^VAR(\w+) *=> *(.*?)\s*$/ ? ($1 => $2) : () } <$file>};
}

# A program ends when the database does; keepalive starts it again.
sub database {
    my ($settings) = @_;
    my $where = "DBI:mysql:database=$settings->{DB_database};host=$settings->{DB_server};port=$settings->{DB_port}";
    return DBI->connect($where, $settings->{DB_user}, $settings->{DB_pass}, {RaiseError => 1, PrintError => 0});
}

sub connect_manager {
    my ($database, $server_ip, $events) = @_;
    my ($port, $user, $secret) = $database->selectrow_array(
        'SELECT telnet_port, ASTmgrUSERNAME, ASTmgrSECRET FROM servers WHERE server_ip = ?', undef, $server_ip);
    my $manager = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5) or return;
    my $answer = ask($manager, 'Action: Login', "Username: $user", "Secret: $secret", "Events: $events");
    return defined $answer && $answer =~ /^Response: Success/m ? $manager : undef;
}

# Sends an action and returns the answer; nothing if there is none.
sub ask {
    my ($manager, @lines) = @_;
    local $SIG{PIPE} = 'IGNORE';
    return print({$manager} join("\r\n", @lines, '', '')) ? next_packet($manager) : undef;
}

sub next_packet {
    my ($manager) = @_;
    local $/ = "\r\n\r\n";
    return scalar <$manager>;
}

# Works with the manager interface, and connects again when it has gone away.
sub forever {
    my ($events, $work) = @_;
    my $settings = settings();
    my $database = database($settings);
    while (1) {
        my $manager = connect_manager($database, $settings->{server_ip}, $events);
        $work->($manager, $database, $settings->{server_ip}) if $manager;
        sleep 1;
    }
}

1;
