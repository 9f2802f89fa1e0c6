#!/usr/bin/perl
# Copies the programs and, the first time, the examples of Asterisk's files. An option it doesn't know is an error.
use strict;
use warnings;
use File::Basename qw(basename);
use File::Copy qw(copy);
use File::Path qw(make_path);
use Getopt::Long;

my %given;
GetOptions(\%given, qw(no-prompt without-web web=s home=s logs=s agi=s sounds=s monitor=s DONEmonitor=s
    asterisk_version=i copy_sample_conf_files)) && $given{'no-prompt'} && !@ARGV or die "usage: install.pl --no-prompt …\n";
-s '/etc/astguiclient.conf' or die "the settings have to be there first\n";
# What VICIdial's own programs use.
for my $module (qw(DBI DBD::mysql Net::Telnet Asterisk::AGI Net::Server Switch)) {
    eval "require $module" or die "$module is missing\n";
}
$given{asterisk_version} >= 18 or die "there are no examples with ConfBridge for $given{asterisk_version}\n";

make_path("$given{home}/libs", @given{qw(logs agi sounds monitor DONEmonitor)});
put($_, $given{home}, 0755) for glob 'bin/*.pl';
put($_, "$given{home}/libs", 0644) for glob 'libs/*.pm';
if ($given{copy_sample_conf_files}) { put($_, '/etc/asterisk', 0644) for glob 'conf/*.conf' }

sub put {
    my ($file, $folder, $mode) = @_;
    my $path = "$folder/" . basename($file);
    # Not in place: somebody may be reading the old one.
    copy($file, "$path.new") && chmod($mode, "$path.new") && rename("$path.new", $path) or die "$path: $!\n";
}
