"""When the machine says no: processes, descriptors, a thousand workers."""
import contextlib
import http.client
import os
import resource
import socket

from e2elib import (Failed, Skipped, become, check, descendants, has, lonely_uid, read_file, same, story,
                    write_file)


@story(nobody=True, slow=3, busy=True)
def a_thousand_workers_start_answer_scale_and_stop(c):
    count = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6 * count and os.getuid() != 0:
        raise Skipped(f'RLIMIT_NOFILE is {hard}')
    d = c.daemon(c.program('w', ' sleep', f'numprocs={count}', 'startsecs=0',
                           'process_name=%(program_name)s_%(process_num)04d'),
                 supervisord=f'minfds={6 * count}\nminprocs={2 * count}')
    d.wait_all('RUNNING', count)
    found = d.processes()
    same(len(found), count, 'processes')
    pids = {p['pid'] for p in found}
    same(len(pids), count, 'pids')
    c.wait(lambda: sum(p['stdout']['written'] for p in d.processes()) == count * len('ready\n'),
           'each of them has said that it is ready')
    before = d.pids()
    d.scale('w', replicas=10)
    same(len(d.names()), 10, 'names')
    same(len([p for p in descendants(d.pid) if p.state != 'Z']), 10, 'descendants')
    d.scale('w', replicas=count)
    d.wait_all('RUNNING', count)
    after = d.pids()
    same([n for n in after if after[n] == before[n]], [f'w:w_{i:04d}' for i in range(10)],
         'those that stayed')
    d.order('w:*', 'stop')
    same(descendants(d.pid), [], 'descendants')
    d.wait_all('STOPPED', count)
    results = d.order('w:*', 'start')['results']
    check(len(results) == count and all(r['ok'] for r in results), 'all were started')
    d.stop()


@story
def room_for_every_descriptor_is_made_before_the_first_start(c):
    """Making it later, with a second thread, makes starts wait for the kernel."""
    count = 300
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6 * count:
        raise Skipped(f'RLIMIT_NOFILE is {hard}')
    d = c.daemon(c.program('w', ' sleep', f'numprocs={count}', 'process_name=%(process_num)d',
                           'autostart=false'))
    room = [line for line in read_file(f'/proc/{d.pid}/status').splitlines()
            if line.startswith('FDSize:')]
    check(room and int(room[0].split()[1]) >= 5 * count, f'{room}, two logs for each of {count}')


@story(root=True)
def no_more_processes_means_back_off_and_recovery(c):
    limit, count, uid = 7, 8, lonely_uid()
    d = c.daemon(c.program('w', ' sleep', f'numprocs={count}', 'process_name=%(process_num)d',
                           'startretries=1000000', 'restart_delay=100ms', 'restart_delay_max=200ms'),
                 supervisord='minprocs=1', start=False)
    os.chown(d.dir, uid, uid)

    def lonely():
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
        become(uid, uid)
    try:
        d.start(preexec=lonely)
    except OSError as e:
        raise Skipped(f'cannot become uid {uid}: {e}')

    def some_wait():
        return [p for p in d.processes() if p['state'] == 'BACKOFF']
    c.wait(lambda: len([p for p in d.processes() if p['state'] == 'RUNNING']) == limit - 2,
           f'{limit - 2} of them run beside our two threads', lambda: d.log()[-500:])
    waiting = c.wait(some_wait, 'others wait')
    name = waiting[0]['process']
    same(waiting[0]['spawn_error'], f"Too many processes in process table to spawn '{name}'",
         'spawn_error')
    check(waiting[0]['next_start_at'], 'the next try is known')
    check(d.answers(), 'it answers')
    running = [p['name'] for p in d.processes() if p['state'] == 'RUNNING']
    for victim in running[:3]:
        d.order(victim, 'stop')
    c.wait(lambda: not [p for p in d.processes() if p['state'] not in ('RUNNING', 'STOPPED')],
           'the processes that waited run')
    same(d.info()['counts']['RUNNING'], count - 3, 'running')


@story(nobody=True)
def no_more_descriptors_means_back_off_and_recovery(c):
    count = 40
    d = c.daemon(c.program('w', ' sleep', f'numprocs={count}', 'process_name=%(process_num)02d',
                           'startretries=1000000', 'restart_delay=100ms', 'restart_delay_max=200ms'),
                 supervisord='minfds=30', start=False)
    d.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (70, 70)))

    def states():
        found = d.processes()
        return ([p for p in found if p['state'] == 'RUNNING'],
                [p for p in found if p['state'] == 'BACKOFF'])
    c.wait(lambda: all(states()), 'some run and some wait', lambda: d.log()[-500:])
    d.wait_log("spawnerr: too many open files to spawn '")
    running, waiting = states()
    has(waiting[0]['spawn_error'], 'too many open files', 'spawn_error')
    for _ in range(20):
        check(d.answers(), 'it answers')
    results = d.post('/v1/processes/all/stop')['results']
    check(all(r['ok'] for r in results if r['name'] in {p['name'] for p in running}), 'stopped')
    d.wait_all('STOPPED', count)
    for p in waiting[:3]:
        with contextlib.suppress(Failed):  # another thread may yet have to close what was stopped
            d.order(p['name'], 'start')
        d.wait_state(p['name'], 'RUNNING')


@story(ordinary=True)
def a_limit_below_what_was_asked_for_is_refused(c):
    d = c.daemon(supervisord='minfds=500', start=False)
    d.launch(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200)))
    d.clean = False
    d.wait_end(2)
    has(d.stderr(), 'The minimum number of file descriptors required to run this process is 500',
        'stderr')


@story(ordinary=True)
def a_directory_that_cannot_be_written_is_a_clear_refusal(c):
    os.mkdir(c.path('shut'))
    conf = write_file(c.path('x.conf'), f'''[unix_http_server]
file={c.dir}/shut/s.sock
[supervisord]
logfile={c.dir}/main.log
pidfile={c.dir}/x.pid
''')
    os.chmod(c.path('shut'), 0o500)
    code, out, err = c.run_daemon('-n', '-c', conf)
    same(code, 2, 'exit code')
    has(err, 'Cannot open an HTTP server', 'stderr')
    has(err, 'EACCES', 'stderr')
    os.chmod(c.path('shut'), 0o700)


def address_space(pid):
    return int(read_file(f'/proc/{pid}/statm').split()[0]) * os.sysconf('SC_PAGE_SIZE')


def orders_with_short_memory(c, runs):
    """The daemon may have between 0 and 2 MiB more than it has."""
    if c.asan:
        raise Skipped('the sanitizer needs all of its addresses')
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'numprocs=20',
                           'process_name=%(process_num)d', 'numprocs_max=200'))
    d.wait_all('RUNNING', 20)
    asked = (('POST', '/v1/processes/w:0/stdin', '{"data":"%s"}' % ('x' * 100000)),
             ('POST', '/v1/processes/w:1/stdin', '{"data":"%s"}' % ('\\u20ac' * 50000)),
             ('POST', '/v1/reload', '{"plan":[%s1]}' % ('1,' * 20000)),
             ('POST', '/v1/programs/w/scale', '{"by":5}'), ('GET', '/v1/processes', None),
             ('POST', '/v1/processes/w:2/restart', '{}'))
    for run in range(runs):
        kib = run * 2048 // runs
        before = address_space(d.pid)
        resource.prlimit(d.pid, resource.RLIMIT_AS, (before + kib * 1024, -1))
        held = []
        for method, path, body in asked:
            for _ in range(20):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(1)
                with contextlib.suppress(OSError):
                    s.connect(d.socket)
                held.append(s)
            with contextlib.suppress(OSError, http.client.HTTPException):
                d.request(method, path, body, patience=5)
        resource.prlimit(d.pid, resource.RLIMIT_AS, (-1, -1))
        for s in held:
            s.close()
        check(d.popen.poll() is None, f'it ended with {d.popen.returncode} at {kib} KiB')
        c.wait(d.answers, f'it answers after {kib} KiB')


@story(slow=2)
def memory_that_is_short_refuses_requests_and_ends_nothing(c):
    orders_with_short_memory(c, 32)


@story(long=True, slow=12)
def memory_that_is_short_by_any_amount_ends_nothing(c):
    orders_with_short_memory(c, 200)


@story(nobody=True)
def the_reserve_of_memory_is_there_before_memory_is_short(c):
    if c.asan:
        raise Skipped('the sanitizer needs all of its addresses')
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), start=False)
    d.launch()
    d.wait_log('supervisord started with pid')  # its threads have their stacks
    # no client has connected yet, and 768 KiB would not hold a reserve that is only made then
    before = address_space(d.pid)
    resource.prlimit(d.pid, resource.RLIMIT_AS, (before + 768 * 1024, -1))
    status = d.get('/healthz').status
    resource.prlimit(d.pid, resource.RLIMIT_AS, (-1, -1))
    same(status, 200, 'status with 768 KiB left')
