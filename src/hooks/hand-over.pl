# Hands a request to slurmctld-copilot and prints the exit code that it answers; exit code 1 means that there is no answer.
#
#   perl hand-over.pl SOCKET VERB HOSTLIST
#
# In Perl, as every Debian has it and nothing else there speaks to a Unix socket that starts as fast: with nothing to load in 1 ms, where
# curl takes 5. So there is no `use` in here; tests compile it with strict and warnings.
my ($path, $verb, $hostlist) = @ARGV;
my %form = (verb => $verb, hostlist => $hostlist, conf => $ENV{SLURM_CONF} // '');
if (my $resume_file = $ENV{SLURM_RESUME_FILE}) {
    open my $file, '<', $resume_file or exit 1;
    local $/;
    $form{resumeFile} = <$file>;
}
s/([^\w.-])/sprintf '%%%02X', ord $1/ge for values %form;
my $body = join '&', map { "$_=$form{$_}" } sort keys %form;
# With HTTP/1.0 the answer ends where the connection does.
my $rest = "POST /v1/power HTTP/1.0\r\nContent-Length: " . length($body) . "\r\n\r\n$body";

# Three seconds for all of it, as a job waits. slurmctld blocks SIGALRM, hence timeouts of the socket, in seconds. The numbers are those of
# Linux: AF_UNIX and SOCK_STREAM; SOL_SOCKET, SO_RCVTIMEO and SO_SNDTIMEO, which on the few processors where they differ are refused.
$SIG{PIPE} = 'IGNORE';
socket my $socket, 1, 1, 0 or exit 1;
setsockopt $socket, 1, $_, pack 'l!l!', 3, 0 or exit 1 for 20, 21;
connect $socket, pack 'Sa*', 1, $path or exit 1;
while ($rest ne '') {
    exit 1 if time - $^T > 3;
    my $sent = syswrite $socket, $rest or exit 1;
    substr $rest, 0, $sent, '';
}
my $answer = '';
while (sysread $socket, $answer, 4096, length $answer) {
    exit 1 if time - $^T > 3;
}
$answer =~ m{^HTTP/1\.1 200 .*\r\n\r\n([0-2])$}s or exit 1;
print $1;
