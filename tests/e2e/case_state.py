"""What a daemon's death and an upgrade leave as it was: counters, names, events that wait."""
import glob
import os
import signal
import time

from e2elib import check, has, kill, lacks, read_file, reap_all, same, story, write_file


def succeed(d):
    """The daemon is killed, and another one takes its place."""
    d.kill()
    return d.start()


def upgrade(c, d):
    """The daemon becomes its next image."""
    count = len(d.lines('supervisord started with pid'))
    d.send(signal.SIGUSR1)
    d.wait_log('supervisord started with pid', count + 1)
    c.wait(d.answers, 'the next image answers')


def in_files(path):
    return sum(os.path.getsize(name) for name in glob.glob(glob.escape(path) + '*'))


@story(nobody=True)
def ledgers_and_offsets_go_on(c):
    d = c.daemon(c.program('loud', ' lines 100000000', 'stdout_logfile_maxbytes=1MB',
                           'stdout_logfile_backups=100000')
                 + c.program('slow', ' lines 100000000 3', 'stdout_logfile_maxbytes=0')
                 + c.program('mute', ' sleep', 'stdout_logfile_maxbytes=0'))
    d.wait_all('RUNNING', 3)
    d.wait_worker_log('mute', 'ready')
    for n in range(6):
        before = {p['name']: p['stdout'] for p in d.processes()}
        time.sleep(0.05 + 0.03 * n)
        if n % 3 < 2:
            succeed(d)
        else:
            upgrade(c, d)
        for p in d.processes():
            was, now = before[p['name']], p['stdout']
            check(now['read'] >= was['read'] and now['rotations'] >= was['rotations'],
                  f'{p["name"]}: {now} after {was}')
            same(now['logfile'], was['logfile'], 'the generated name')
    for name in ('loud', 'slow', 'mute'):
        d.order(name, 'stop')
        out = d.process(name)['stdout']
        same((out['read'], out['written'], out['dropped']), (in_files(out['logfile']),) * 2 + (0,),
             f'ledger of {name}')
        a = d.get(f'/v1/logs/{name}/stdout?tail=3')
        same(int(a.headers['X-Log-Offset']), out['written'] - 3, f'offset in the stream of {name}')
    same(d.process('mute')['stdout']['written'], len('ready\n'), 'all of a quiet one')
    d.order('mute', 'start')
    d.wait_worker_log('mute', 'ready\nready')
    same(d.process('mute')['stdout']['written'], 2 * len('ready\n'), 'and it goes on')


@story(nobody=True)
def generated_logs_are_spared_by_the_clean_up(c):
    d = c.daemon(c.program('runs', ' sleep') + c.program('off', ' sleep')
                 + c.program('never', ' sleep', 'autostart=false'))
    d.wait_all('RUNNING', 2)
    d.wait_worker_log('off', 'ready')
    d.order('off', 'stop')
    identifier = 'supervisor'
    stray = write_file(f'{d.dir}/stray-stdout---{identifier}-abcdefgh.log', 'of nobody')
    names = {(p['name'], s): p[s]['logfile'] for p in d.processes() for s in ('stdout', 'stderr')}
    for how in (succeed, lambda d: upgrade(c, d)):
        how(d)
        check(not os.path.exists(stray), 'what is of nobody goes')
        now = {(p['name'], s): p[s]['logfile'] for p in d.processes() for s in ('stdout', 'stderr')}
        for who in names:
            if who[0] != 'never':
                same(now[who], names[who], f'log of {who}')
        has(read_file(names['off', 'stdout']), 'ready', 'log of a stopped one')
        write_file(stray, 'of nobody')
    d.stop()
    d.start()
    check(not os.path.exists(names['off', 'stdout']), 'after a clean stop nothing is spared')
