# Stands inside a network namespace until somebody knocks: perl door.pl NODE BRIDGE PORT SOCKET PROGRAM [ARGS...]
# Holds 127.0.0.1:PORT open and starts the agent. The bridge, which is a Node and ten times as dear, is started by the
# first connection: most commands never make one. Hands signals on, and leaves as the agent left. Loads no module but
# strict: what Perl reads before it begins is what it costs.
use strict;

my ($node, $bridge, $port, $socket, @program) = @ARGV;
fail(2, 'usage: door NODE BRIDGE PORT SOCKET PROGRAM [ARGS...]') unless @program;

# What is open goes on in what is started; the agent closes its own copy.
$^F = 1000;
my $door;
my $address = pack 'S n C4 x8', 2, $port, 127, 0, 0, 1;
socket($door, 2, 1, 0) && bind($door, $address) && listen($door, 511) or fail(71, "127.0.0.1:$port: $!");

my $bridge_to_be = open_when_somebody_knocks();
my $agent;
for my $signal (qw(TERM INT HUP QUIT USR1 USR2)) {
  $SIG{$signal} = sub { kill $signal, $agent if $agent };
}
$agent = start();
waitpid $agent, 0;
my $status = $?;
kill 'KILL', $bridge_to_be;
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);

# Waits for the first connection without taking it, and becomes the bridge, which does.
sub open_when_somebody_knocks {
  my $pid = forked();
  return $pid if $pid;
  open STDIN, '<', '/dev/null';
  open STDOUT, '>', '/dev/null';
  vec(my $knocks = '', fileno $door, 1) = 1;
  select $knocks, undef, undef, undef;
  exec { $node } $node, $bridge, 'fd:' . fileno $door, $socket;
  fail(71, "$node: $!");
}

sub start {
  my $pid = forked();
  return $pid if $pid;
  close $door;
  exec { $program[0] } @program;
  # 13: it is there, but may not be run.
  fail($! == 13 ? 126 : 127, "$program[0]: $!");
}

sub forked {
  my $pid = fork;
  return defined $pid ? $pid : fail(71, "fork: $!");
}

sub fail {
  my ($code, $why) = @_;
  print STDERR "door: $why\n";
  exit $code;
}
