"""The small programs of the package: pidproxy and echo_supervisord_conf."""
import os
import re
import signal
import subprocess

from e2elib import Skipped, alive, check, descendants, has, read_file, same, story, write_file

# Puts itself into the background, as old daemons do.
DAEMON = r'''
import os, signal, sys, time
if os.fork():
    sys.exit(0)
os.setsid()
for name in ('HUP', 'USR1', 'USR2', 'TERM'):
    signal.signal(getattr(signal, 'SIG' + name), lambda s, _: note(s))
def note(s):
    with open(sys.argv[2], 'a') as f:
        f.write(signal.Signals(s).name + '\n')
    if s == signal.SIGTERM:
        os._exit(0)
with open(sys.argv[1] + '.new', 'w') as f:
    f.write('%d\n' % os.getpid())
os.rename(sys.argv[1] + '.new', sys.argv[1])
while True:
    time.sleep(1000)
'''


def tool(c, name):
    path = f'{c.options.bin}/{name}'
    if not os.path.exists(path):
        path = f'{c.options.build}/bin/{name}'
    if not os.path.exists(path):
        raise Skipped(f'there is no {name} in this build')
    return path


@story(nobody=True)
def pidproxy_passes_signals_on_to_a_daemon_in_the_background(c):
    pidfile, told = c.path('pid'), c.path('told')
    write_file(c.path('daemon.py'), DAEMON)
    # the command itself has to stay, or pidproxy ends with it
    write_file(c.path('run.sh'), f'python3 {c.path("daemon.py")} {pidfile} {told}\n'
                                 'exec sleep 1000\n')
    d = c.daemon(f'[program:p]\ncommand={tool(c, "pidproxy")} {pidfile} /bin/sh {c.path("run.sh")}\n'
                 'startsecs=0\n')
    c.wait(lambda: os.path.exists(pidfile), 'the pidfile is written')
    pid = int(read_file(pidfile))
    for sig in ('HUP', 'USR1', 'USR2'):
        d.order('p', 'signal', signal=sig)
        c.wait(lambda: f'SIG{sig}' in read_file(told), f'SIG{sig} arrived')
    check(alive(pid), 'it lives')
    d.order('p', 'stop')
    c.wait_gone(pid)
    has(read_file(told), 'SIGTERM')


@story(nobody=True)
def pidproxy_ends_with_its_command(c):
    done = subprocess.run([tool(c, 'pidproxy'), c.path('none'), '/bin/sh', '-c', 'exit 3'],
                          timeout=c.patience)
    same(done.returncode, 0, 'exit code')
    done = subprocess.run([tool(c, 'pidproxy')], timeout=c.patience, capture_output=True)
    same(done.returncode, 1, 'exit code without a command')
    p = c.helper([tool(c, 'pidproxy'), c.path('none'), '/bin/sleep', '1000'])
    c.wait(lambda: [x for x in descendants(p.pid) if x.name == 'sleep'], 'its command runs')
    p.send_signal(signal.SIGTERM)
    c.wait(lambda: p.poll() is not None, 'it ends')
    same(p.returncode, 0, 'exit code after SIGTERM')


@story(nobody=True)
def the_sample_loads_in_both_daemons(c):
    text = subprocess.run([tool(c, 'echo_supervisord_conf')], capture_output=True, text=True,
                          check=True, timeout=c.patience).stdout
    conf = write_file(c.path('sample.conf'), text)
    code, out, err = c.run_daemon('--check', '--strict', '-c', conf)
    same(code, 0, f'exit code of --check --strict ({err})')
    has(out, '0 errors, 0 warnings; 0 programs')
    # every key that is shown as a comment is one, and its value can be read
    whole = re.sub(r'(?m)^;(?=\[|[a-z_]+ ?=)', '', text).replace('/srv/web', '/tmp')
    code, out, err = c.run_daemon('--check', '-c', write_file(c.path('whole.conf'), whole))
    check('unknown key' not in err, f'an unknown key: {err}')
    if os.path.exists('/usr/bin/supervisord'):
        there = re.sub(r'(?m)(=|unix://)/(run|var/log|tmp)/', rf'\1{c.dir}/', text).replace('[supervisord]',
                                                           '[supervisord]\nnodaemon=true')
        p = c.helper(['/usr/bin/supervisord', '-c', write_file(c.path('theirs.conf'), there)],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        c.wait(lambda: 'supervisord started' in read_file(c.path('supervisord.log')),
               'Supervisor has started with it')
        p.send_signal(signal.SIGTERM)
        c.wait(lambda: p.poll() is not None, 'Supervisor ends')


# ---- closed standard descriptors

SUBSETS = [[fd for fd in range(3) if bits & 1 << fd] for bits in range(1, 8)]


def close_them(fds):
    def close():
        for fd in fds:
            os.close(fd)
    return close


def standard_of(pid):
    return [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in range(3)]


@story(nobody=True)
def a_daemon_with_closed_descriptors_has_the_null_device_there(c):
    """Else the lock of the pidfile, a socket or a log would be one of them."""
    for fds in SUBSETS:
        d = c.daemon('[program:p]\ncommand=sh -c "echo to the daemons own; exec sleep 1000"\nstdout_logfile=/dev/stdout\nstartsecs=0\n'
                     'redirect_stderr=true\n', name=f'd{"".join(map(str, fds))}', preexec=close_them(fds))
        for fd, path in enumerate(standard_of(d.pid)):
            if fd in fds:
                same(path, '/dev/null', f'descriptor {fd} with {fds} closed')
        same(read_file(d.pidfile).strip(), str(d.pid), f'the pidfile with {fds} closed')
        d.wait_state('p', 'RUNNING')
        code, _, err = c.run_daemon('-n', '-c', d.conf)
        check(code != 0, f'a second daemon was let in beside the first with {fds} closed')
        if 1 not in fds:
            c.wait(lambda: 'to the daemons own' in read_file(d.out), f'/dev/stdout with {fds} closed')
        d.stop()


@story(nobody=True)
def a_daemon_in_the_background_does_too(c):
    for fds in SUBSETS:
        d = c.daemon('', name=f'b{"".join(map(str, fds))}', start=False)
        subprocess.run([c.supervisord, '-c', d.conf], check=True, preexec_fn=close_them(fds), start_new_session=True)
        c.wait(lambda: read_file(d.pidfile).strip(), f'the pidfile is written with {fds} closed')
        pid = int(read_file(d.pidfile))
        same(standard_of(pid), ['/dev/null'] * 3, f'standard descriptors with {fds} closed')
        has(c.run_daemon('-c', d.conf)[2], 'already', f'a second daemon with {fds} closed')
        os.kill(pid, signal.SIGTERM)
        c.wait_gone(pid)


@story(nobody=True)
def the_client_and_the_small_programs_do_without_them(c):
    d = c.daemon(c.program('p', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    ctl = c.need_ctl()
    for fds in SUBSETS:
        def run(*argv):
            return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=c.patience,
                                  preexec_fn=close_them(fds))
        what = f'with {fds} closed'
        done = run(ctl, '-c', d.conf, 'status')
        same(done.returncode, 0, f'status {what}')
        if 1 not in fds:
            has(done.stdout, 'RUNNING', f'status {what}')
        done = run(tool(c, 'echo_supervisord_conf'))
        same(done.returncode, 0, f'the sample {what}')
        if 1 not in fds:
            has(done.stdout, '[supervisord]', f'the sample {what}')
        seen = c.path('seen')
        run(tool(c, 'pidproxy'), c.path('none.pid'), '/bin/sh', '-c',
            f'for i in 0 1 2; do readlink /proc/$$/fd/$i; done >{seen}.new; readlink /proc/$PPID/fd/1 >{seen}.1; '
            f'mv {seen}.new {seen}')
        c.wait(lambda: os.path.exists(seen), f'the command of pidproxy has run {what}')
        lines = read_file(seen).splitlines()
        for fd in fds:
            same(lines[fd] if fd != 1 else read_file(f'{seen}.1').strip(), '/dev/null',
                 f'descriptor {fd} of pidproxy {what}')
        os.unlink(seen)
