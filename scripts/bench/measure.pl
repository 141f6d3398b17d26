#!/usr/bin/perl
# Runs programs one after the other, as slurmctld 22.05 does: with nothing in their environment but what is given, their file
# descriptors 0, 1 and 2 closed, and signals blocked (src/slurmctld/power_save.c). For each it prints exit status (of wait), wall time
# and CPU time in microseconds, and peak memory in KiB. Node tells no CPU time of single children, hence Perl, which Debian always has.
#
# A line of input is a command: the number of variables, the variables, the program and its arguments, separated by the character 0x1f.
use strict;
use warnings;
use POSIX qw(:signal_h);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $wait4 = { x86_64 => 61, aarch64 => 260 }->{ (POSIX::uname())[4] } or die "wait4 has another number on this machine\n";
my $blocked = POSIX::SigSet->new(SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD);
$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($count, @command) = split /\x1f/, $line;
    my @variables = splice @command, 0, $count;
    my $started = clock_gettime(CLOCK_MONOTONIC);
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        %ENV = map { split /=/, $_, 2 } @variables;
        sigprocmask(SIG_BLOCK, $blocked);
        POSIX::close($_) for 0 .. 2;
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    my ($status, $usage) = (pack('i', 0), "\0" x 256);
    syscall($wait4, $pid, $status, 0, $usage) == $pid or die "wait4: $!\n";
    my $wall = (clock_gettime(CLOCK_MONOTONIC) - $started) * 1e6;
    my ($user, $userMicro, $system, $systemMicro, $memory) = unpack 'l!5', $usage;
    printf "%d %d %d %d\n", unpack('i', $status), $wall, ($user + $system) * 1e6 + $userMicro + $systemMicro, $memory;
}
