"""When nothing happens, the daemon makes no system call."""
import os
import shutil
import signal
import subprocess
import time

from e2elib import Events, Skipped, check, read_file, story


def watch(c, d, seconds):
    """The system calls of the daemon in so many seconds, as strace writes them."""
    strace = shutil.which('strace')
    if not strace:
        raise Skipped('strace is not installed')
    trace, words = c.path('trace'), c.path('trace.err')
    with open(words, 'w') as f:
        p = c.helper([strace, '-f', '-q', '-o', trace, '-p', str(d.pid)], stderr=f)
    c.wait(lambda: p.poll() is not None or traced(d.pid), 'strace has attached')
    if p.poll() is not None:
        raise Skipped('strace may not attach: ' + ' '.join(read_file(words).split())[:100])
    time.sleep(1)  # being stopped and let go again takes a call or two
    begun = len(read_file(trace).splitlines())
    time.sleep(seconds)
    lines = read_file(trace).splitlines()[begun:]
    p.send_signal(signal.SIGINT)
    p.wait(timeout=c.patience)
    return [x for x in lines if 'detached' not in x]


def traced(pid):
    return any(line.startswith('TracerPid:') and line.split()[1] != '0'
               for line in read_file(f'/proc/{pid}/status').splitlines())


def hundred(c, seconds):
    d = c.daemon(c.program('w', ' sleep', 'numprocs=100', 'process_name=%(process_num)d',
                           'startsecs=0'))
    d.wait_all('RUNNING', 100)
    c.wait(lambda: sum(p['stdout']['written'] for p in d.processes()) == 600, 'all have said "ready"')
    client = Events(d)  # a client that only listens costs nothing either
    time.sleep(1)
    seen = watch(c, d, seconds)
    check(not seen, f'{len(seen)} system calls within {seconds} s: {seen[:5]}')
    client.close()


@story
def an_idle_daemon_makes_no_system_call(c):
    hundred(c, 5)


@story(soak=True, slow=3)
def an_idle_daemon_makes_no_system_call_for_130_seconds(c):
    hundred(c, 130)
