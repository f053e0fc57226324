"""Names in a configuration: hosts and users, and name servers that are silent. Each daemon has a network
and files of its own for that: no server of the machine is asked."""
import ctypes
import fcntl
import os
import signal
import socket
import struct
import threading
import time

from e2elib import Skipped, check, free_port, free_ports, has, lacks, same, story, write_file

CLONE_NEWNS, CLONE_NEWNET, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 4096, 16384, 1 << 18
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PATIENCE = 5       # the bound of a look-up, as the manual says
SOON = 2           # an answer that waits for nothing, on a loaded machine

libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target):
    must(libc.mount(source.encode() if source else None, target.encode(), None,
                    MS_BIND if source else MS_REC | MS_PRIVATE, None), f'mount {target}')


class Island:
    """What a daemon sees of the network: itself, these hosts, and a name server that never answers."""

    def __init__(self, c, hosts=''):
        self.hosts, self.resolv = c.path('hosts'), c.path('resolv.conf')
        self.set_hosts(hosts)
        write_file(self.resolv, 'nameserver 127.0.0.53\n')
        self.place = os.open('/dev/null', os.O_RDONLY)  # the number that the server's socket gets
        if not self.can_enter():
            raise Skipped('no namespaces of network and mounts here')

    def can_enter(self):
        pid = os.fork()
        if pid == 0:
            os._exit(libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        return os.waitpid(pid, 0)[1] == 0

    def set_hosts(self, hosts):
        write_file(self.hosts, f'127.0.0.1 localhost\n{hosts}')

    def enter(self):
        must(libc.unshare(CLONE_NEWNET | CLONE_NEWNS), 'unshare')
        mount(None, '/')
        mount(self.hosts, '/etc/hosts')
        mount(self.resolv, '/etc/resolv.conf')
        mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fcntl.ioctl(mute, SIOCSIFFLAGS, struct.pack('16sh', b'lo', IFF_UP))
        mute.bind(('127.0.0.53', 53))
        os.dup2(mute.fileno(), self.place, inheritable=True)

    def how(self):
        return {'preexec': self.enter, 'pass_fds': (self.place,)}


def asked(c, name, host, *lines):
    return c.program(name, ' sleep', f'healthcheck=tcp://{host}:9', 'healthcheck_action=none', *lines)


def quick(what, fn, *args, **how):
    begun = time.monotonic()
    result = fn(*args, **how)
    took = time.monotonic() - begun
    check(took < SOON, f'{what} took {took:.1f} s')
    return result


class Later(threading.Thread):
    """A client's command, given beside the story."""

    def __init__(self, d, *words):
        super().__init__()
        self.d, self.words, self.result = d, words, None
        self.start()

    def run(self):
        begun = time.monotonic()
        self.result = self.d.ctl(*self.words)
        self.took = time.monotonic() - begun


def serves(c, d):
    """Everything that does not read the configuration goes on."""
    pid = d.process('w')['pid']
    quick('status', d.ctl, 'status')
    os.kill(pid, signal.SIGKILL)
    quick('a restart after a crash', d.wait_restarted, 'w', pid)
    code, out, err = quick('a plan', d.ctl, 'apply', '--plan')
    same(code, 0, f'exit code of the plan ({out}{err})')
    quick('restart', d.ctl, 'restart', 'w')


@story(root=True)
def a_silent_name_server_stops_nothing(c):
    island = Island(c)
    w = c.program('w', ' sleep', 'startsecs=0', 'restart_delay=10ms')
    d = c.daemon(w, start=False)
    d.launch(**island.how())
    c.wait(d.is_up, 'the daemon answers')
    others = ''.join(asked(c, f'p{i}', f'host{i % 3}.example', 'user=root') for i in range(5))
    d.configure(w + others)
    for words in (['reread'], ['update'], ['apply'], ['reload']):
        later = Later(d, *words)
        time.sleep(0.3)
        check(later.is_alive(), f'{words} does not wait for names: {later.result}')
        serves(c, d)
        later.join()
        check(later.took < PATIENCE + SOON, f'{words} took {later.took:.1f} s')
        same(later.result[0], 0, f'exit code of {words} {later.result}')
    d.wait_all('RUNNING', 6)
    pids = d.pids()
    d.send(signal.SIGHUP)
    serves(c, d)
    later = Later(d, 'upgrade')
    serves(c, d)
    later.join()
    same(later.result[0], 0, f'exit code of upgrade {later.result}')
    check(later.took < 2 * PATIENCE + SOON, f'upgrade took {later.took:.1f} s')
    quick('status after the upgrade', d.ctl, 'status')
    now = d.pids()
    same({n: p for n, p in now.items() if n != 'w'}, {n: p for n, p in pids.items() if n != 'w'},
         'pids of those that were not to be touched')
    has(d.log(), 'supervisord.conf:', 'place')
    has(d.log(), "the host 'host1.example' cannot be looked up now: no answer within 5 seconds",
        'what is wrong')


@story(root=True)
def an_end_does_not_wait_for_names(c):
    island = Island(c)
    d = c.daemon(c.program('w', ' sleep'), start=False)
    d.launch(**island.how())
    c.wait(d.is_up, 'the daemon answers')
    d.configure(asked(c, 'w', 'host.example'))
    later = Later(d, 'apply')
    time.sleep(0.3)
    quick('the end', d.stop)
    later.join()
    check(later.result[0] != 0, 'the order that waited failed')


@story(root=True)
def names_that_are_known_need_no_server(c):
    port = free_ports(2)
    island = Island(c, hosts='127.0.0.9 both.example\n127.0.0.1 both.example\n'
                             '127.0.0.1 box.example\n')
    server = f'[inet_http_server]\nport=box.example:{port}\nusername=a\npassword=b\n'
    d = c.daemon(c.program('w', f' http {port + 1} {c.path("sick")}',
                           f'healthcheck=http://both.example:{port + 1}/', 'healthcheck_interval=100ms',
                           'user=root')
                 + asked(c, 'mute', 'host.example'), sections=server, start=False)
    begun = time.monotonic()
    d.launch(**island.how())
    c.wait(d.is_up, 'the daemon answers')
    check(time.monotonic() - begun < PATIENCE + SOON, 'one bound for all')
    d.wait_process('w', lambda p: p['health'] == 'healthy', 'is asked at its second address')
    lacks(d.log(), "'both.example'", 'warnings about known names')
    # the same names without their file: what was known goes on
    island.set_hosts('')
    code, out, err = d.ctl('apply')
    same(code, 0, f'exit code of apply ({out}{err})')
    has(out + err, "the host 'both.example' cannot be looked up now: no answer within 5 seconds", 'apply')
    has(out + err, 'the addresses that it had before', 'apply')
    same(d.process('w')['health'], 'healthy', 'health')


@story(root=True)
def a_server_without_an_address_is_refused_at_its_place(c):
    island = Island(c)
    port = free_port()
    d = c.daemon(c.program('w', ' sleep'), start=False,
                 sections=f'[inet_http_server]\nport=box.example:{port}\nusername=a\npassword=b\n')
    d.launch(**island.how())
    d.wait_end(2)
    has(d.stderr(), 'socket.error reported -3', 'the refusal')
    has(d.stderr(), 'look up box.example: no answer within 5 seconds', 'the refusal')
    has(d.stderr(), '[inet_http_server] port', 'its place')
    d.sections = ''
    d.configure(c.program('w', ' sleep'))
    d.launch(**island.how())
    c.wait(d.is_up, 'the daemon answers')
    pid = d.wait_state('w', 'RUNNING')['pid']
    d.sections = f'[inet_http_server]\nport=box.example:{port}\nusername=a\npassword=b\n'
    d.configure('')
    code, out, err = d.ctl('apply')
    check(code != 0, 'apply is refused')
    has(out + err, 'look up box.example: no answer within 5 seconds', 'apply')
    same(d.process('w')['pid'], pid, 'pid of what was to go')
