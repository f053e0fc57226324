"""supervisorctl, as people and scripts use it."""
import json
import os
import signal
import subprocess

from e2elib import Skipped, check, free_port, has, read_file, same, story, write_file

NUMBERED = 'process_name=%(program_name)s_%(process_num)02d'


def fleet(c, n=2):
    return c.program('web', ' sleep', NUMBERED, f'numprocs={n}', 'startsecs=0')


def expect(got, code, out=None, what='supervisorctl'):
    check(got[0] == code, f'{what}: exit code {got[0]}, expected {code}: {got[1]!r} {got[2]!r}')
    if out is not None:
        same(got[1], out, f'stdout of {what}')


@story(nobody=True)
def status_is_supervisors_word_for_word(c):
    c.need_ctl()
    d = c.daemon(fleet(c) + c.program('off', ' sleep', 'autostart=false')
                 + c.program('bad', '/nonexistent/x', 'startretries=0'))
    d.wait_state('bad', 'FATAL')
    d.wait_all('RUNNING', 2)
    code, out, err = d.ctl('status')
    same(code, 3, 'exit code')
    rows = out.splitlines()
    same(rows[0], 'bad                              FATAL     '
         "can't find command '/nonexistent/x'", 'row')
    same(rows[1], 'off                              STOPPED   Not started', 'row')
    pid = d.pids()['web:web_00']
    check(rows[2].startswith(f'web:web_00                       RUNNING   pid {pid}, uptime 0:00:'),
          f'row {rows[2]!r}')
    expect(d.ctl('status', 'web:*'), 0)
    expect(d.ctl('status', 'absent'), 4, 'absent: ERROR (no such process)\n')
    code, out, err = d.ctl('status', '--json')
    found = json.loads(out)
    found = found.get('processes', found) if isinstance(found, dict) else found
    same([p['name'] for p in found], ['bad', 'off', 'web:web_00', 'web:web_01'], 'names in JSON')


@story(nobody=True)
def orders_are_given_and_answered_in_supervisors_words(c):
    c.need_ctl()
    d = c.daemon(fleet(c) + c.program('one', ' sleep', 'startsecs=0')
                 + c.program('bad', '/nonexistent/x', 'startretries=0', 'autostart=false'))
    d.wait_all('RUNNING', 3)
    expect(d.ctl('stop', 'one'), 0, 'one: stopped\n')
    expect(d.ctl('stop', 'one'), 0, 'one: ERROR (not running)\n')
    expect(d.ctl('start', 'one'), 0, 'one: started\n')
    expect(d.ctl('start', 'one'), 0, 'one: ERROR (already started)\n')
    expect(d.ctl('start', 'absent'), 1, 'absent: ERROR (no such process)\n')
    expect(d.ctl('start', 'bad'), 1, 'bad: ERROR (no such file)\n')
    expect(d.ctl('restart', 'one'), 0, 'one: stopped\none: started\n')
    code, out, err = d.ctl('stop', 'web:*')
    same((code, sorted(out.splitlines())), (0, ['web:web_00: stopped', 'web:web_01: stopped']), 'stop')
    code, out, err = d.ctl('start', 'web:*')
    same((code, sorted(out.splitlines())), (0, ['web:web_00: started', 'web:web_01: started']), 'start')
    expect(d.ctl('pid'), 0, f'{d.pid}\n')
    expect(d.ctl('pid', 'one'), 0, f'{d.pids()["one"]}\n')
    expect(d.ctl('version'), 0, '4.2.5\n')
    code, out, err = d.ctl('signal', 'KILL', 'one')
    same((code, out), (0, 'one: signalled\n'), 'signal')
    check(d.ctl('nonsense')[1].startswith('*** Unknown syntax'), 'an unknown command')
    code, out, err = d.ctl('stop', 'all')
    same(code, 0, 'exit code of stop all')
    check('web:web_00: stopped' in out, f'stop all: {out!r}')


@story(nobody=True)
def scale_takes_a_leading_minus_for_a_number(c):
    c.need_ctl()
    d = c.daemon(fleet(c, 4) + c.program('lone', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 5)
    before = d.pids()
    for words, left in ((('web', '6'), 6), (('web', '-3'), 3), (('web', '+1'), 4)):
        code, out, err = d.ctl('scale', *words)
        same(code, 0, f'exit code of scale {words} ({out!r}, {err!r})')
        same(len(d.names()), left + 1, f'processes after scale {words}')
    code, out, err = d.ctl('scale', 'lone', '3')
    check(code != 0, 'exit code of one that cannot be numbered')
    has(out + err, 'process_name=%(program_name)s_%(process_num)02d', 'output')
    after = d.pids()
    same({n: before[n] for n in ('web:web_00', 'web:web_01', 'web:web_02')},
         {n: after[n] for n in ('web:web_00', 'web:web_01', 'web:web_02')}, 'pids')


@story(nobody=True)
def apply_shows_a_plan_first(c):
    c.need_ctl()
    d = c.daemon(fleet(c) + c.program('gone', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 3)
    before = d.pids()
    d.configure(fleet(c, 3))
    code, out, err = d.ctl('apply', '--plan')
    same(code, 0, f'exit code ({out!r}, {err!r})')
    for part in ('web:web_02', 'gone'):
        has(out, part, 'plan')
    same(d.pids(), before, 'pids after the plan')
    code, out, err = d.ctl('apply')
    same(code, 0, f'exit code ({out!r}, {err!r})')
    c.wait(lambda: d.names() == ['web:web_00', 'web:web_01', 'web:web_02'], 'it is applied')
    after = d.pids()
    same((after['web:web_00'], after['web:web_01']),
         (before['web:web_00'], before['web:web_01']), 'pids')
    d.configure('[program:x]\nnumprocs=many\n')
    code, out, err = d.ctl('apply')
    check(code != 0, 'exit code for a bad file')
    line = read_file(d.conf).splitlines().index('numprocs=many') + 1
    has(out + err, f'{d.conf}:{line}:', 'output')


@story(nobody=True)
def reread_and_update_are_supervisors(c):
    c.need_ctl()
    d = c.daemon(fleet(c) + c.program('gone', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 3)
    expect(d.ctl('reread'), 0, 'No config updates to processes\n')
    d.configure(fleet(c, 3) + c.program('new', ' sleep', 'startsecs=0'))
    expect(d.ctl('reread'), 0, 'gone: disappeared\nnew: available\nweb: changed\n')
    expect(d.ctl('update'), 0, 'gone: stopped\ngone: removed process group\nweb: stopped\n'
           'web: updated process group\nnew: added process group\n')
    d.wait_all('RUNNING', 4)


@story(nobody=True)
def a_daemon_that_is_not_there_is_a_clear_sentence(c):
    c.need_ctl()
    d = c.daemon(start=False)
    code, out, err = d.ctl('status')
    same(code, 4, 'exit code')
    has(out + err, f'unix://{d.socket} no such file', 'output')
    code, out, err = d.ctl('start', 'x')
    same(code, 7, 'exit code')


@story(nobody=True)
def logs_are_shown_and_the_daemon_is_shut_down(c):
    c.need_ctl()
    d = c.daemon(c.program('w', ' lines 5', 'startsecs=0', 'autorestart=false'))
    d.wait_worker_log('w', 'line 5\n')
    code, out, err = d.ctl('tail', 'w')
    has(out, 'line 1\nline 2\nline 3\nline 4\nline 5\n', 'tail')
    code, out, err = d.ctl('maintail')
    has(out, 'supervisord started with pid', 'maintail')
    expect(d.ctl('shutdown'), 0, 'Shut down\n')
    d.wait_end(0)


@story(nobody=True)
def the_interactive_shell_reads_commands(c):
    c.need_ctl()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    code, out, err = d.ctl(input='status\nstop w\nhelp\nexit\n')
    has(out, 'RUNNING', 'output')
    has(out, 'w: stopped', 'output')
    same(d.process('w')['state'], 'STOPPED', 'state')


@story(nobody=True)
def the_client_of_debian_is_served(c):
    other = '/usr/bin/supervisorctl'
    if not os.path.exists(other):
        raise Skipped("Debian's supervisor is not installed")
    d = c.daemon(fleet(c) + c.program('off', ' sleep', 'autostart=false', 'startsecs=0'))
    d.wait_all('RUNNING', 2)

    def run(*words):
        p = subprocess.run([other, '-c', d.conf, *words], capture_output=True, text=True,
                           timeout=c.patience)
        if 'Traceback' in p.stderr:
            raise Skipped('it does not run here: ' + p.stderr.strip().splitlines()[-1])
        return p.returncode, p.stdout, p.stderr
    code, out, err = run('status')
    same(code, 3, f'exit code ({out!r} {err!r})')
    same([row.split()[:2] for row in out.splitlines()],
         [['off', 'STOPPED'], ['web:web_00', 'RUNNING'], ['web:web_01', 'RUNNING']], 'rows')
    expect(run('start', 'off'), 0, 'off: started\n')
    expect(run('stop', 'web:web_01'), 0, 'web:web_01: stopped\n')
    expect(run('reread'), 0, 'No config updates to processes\n')
    has(run('tail', 'web:web_00')[1], 'ready', 'tail')
    expect(run('shutdown'), 0, 'Shut down\n')
    d.wait_end(0)


@story
def a_daemon_of_supervisor_is_told_apart_in_one_sentence(c):
    other = '/usr/bin/supervisord'
    if not os.path.exists(other):
        raise Skipped("Debian's supervisor is not installed")
    socket = c.path('theirs.sock')
    conf = write_file(c.path('theirs.conf'), f'''[supervisord]
nodaemon=true
logfile={c.path('theirs.log')}
pidfile={c.path('theirs.pid')}
[unix_http_server]
file={socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
[program:w]
command=/bin/sleep 1000
''')
    p = c.helper([other, '-c', conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    c.wait(lambda: os.path.exists(socket), 'Supervisor listens')
    for words in (('status',), ('start', 'w'), ('reread',), ('tail', '-f', 'w'), ('shutdown',), ('status', '--json')):
        got = subprocess.run([c.need_ctl(), '-c', conf, *words], capture_output=True, text=True, timeout=c.patience)
        same(got.returncode, 5, f'exit code of {words}')
        said = got.stdout + got.stderr
        same(len(said.splitlines()), 2 if '-f' in words and 'Press' in said else 1, f'lines of {words}: {said!r}')
        for part in (f'unix://{socket}', 'HTTP status 40', "Supervisor's own supervisorctl"):
            has(said, part, f'{words}')
    check(p.poll() is None, 'nothing has happened to it')
    p.terminate()
    c.wait(lambda: p.poll() is not None, 'Supervisor ends')


@story(nobody=True)
def a_restart_of_many_is_one_order_for_the_daemon(c):
    d = c.daemon(fleet(c, 3) + c.program('off', ' sleep', 'autostart=false', 'startsecs=0'))
    d.wait_all('RUNNING', 3)
    before = d.pids()
    code, out, err = d.ctl('restart', 'all')
    same((code, sorted(out.splitlines())), (0, ['off: started'] + sorted(
        f'web:web_0{n}: {done}' for n in range(3) for done in ('started', 'stopped'))), 'restart all')
    same(out.splitlines()[0].split(': ')[1], 'stopped', 'stops are told first')
    check(not set(before.values()) & set(d.pids().values()), 'every process is a new one')
    expect(d.ctl('stop', 'off'), 0)
    expect(d.ctl('restart', 'off'), 0, 'off: ERROR (not running)\noff: started\n')


@story(nobody=True)
def many_are_started_by_priority_and_stopped_the_other_way_round(c):
    d = c.daemon(''.join(c.program(name, ' sleep', 'startsecs=0', 'autostart=false', f'priority={priority}')
                         for name, priority in (('c', 1), ('a', 2), ('b', 3))))
    same(d.ctl('start', 'all')[1].split(), ['c:', 'started', 'a:', 'started', 'b:', 'started'], 'start')
    same(sorted(d.ctl('stop', 'all')[1].splitlines()), ['a: stopped', 'b: stopped', 'c: stopped'], 'stop')
    stops = [line.split('waiting for ')[1].split()[0] for line in d.lines('waiting for ') if 'to stop' in line]
    check(not stops or stops == ['b', 'a', 'c'], f'the order of stops: {stops}')


@story(nobody=True)
def orders_go_over_tcp_without_a_password(c):
    port = free_port()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), sections=f'[inet_http_server]\nport=127.0.0.1:{port}\n')
    d.wait_all('RUNNING', 1)
    expect(d.ctl('-s', f'http://127.0.0.1:{port}', 'stop', 'w'), 0, 'w: stopped\n')


@story(nobody=True)
def tail_of_one_shows_the_present_file_only(c):
    d = c.daemon(c.program('w', ' lines 5', 'startsecs=0', 'autorestart=false'))
    d.wait_worker_log('w', 'line 5\n')
    same(d.ctl('tail', '-0', 'w')[1], 'line 1\nline 2\nline 3\nline 4\nline 5\n\n', 'no number of bytes: all')
    expect(d.ctl('rotate', 'w'), 0)
    same(d.ctl('tail', 'w')[1].strip(), '', 'after the rotation')
    has(d.ctl('tail', '-n', '2', 'w')[1], 'line 5', 'lines')


@story(nobody=True)
def tail_f_of_one_goes_on_when_its_file_is_cut(c):
    log, shown = c.path('w.log'), c.path('shown')
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', f'stdout_logfile={log}'))
    d.wait_all('RUNNING', 1)
    d.wait_worker_log('w', 'ready')
    write_file(log, 'first\n')
    with open(shown, 'w', encoding='utf-8') as out:
        p = subprocess.Popen([c.need_ctl(), '-c', d.conf, 'tail', '-f', 'w'], stdout=out, stderr=subprocess.STDOUT)
    c.wait(lambda: read_file(shown) == '==> Press Ctrl-C to exit <==\nfirst\n', 'the end of the log',
           lambda: read_file(shown))
    os.truncate(log, 0)
    c.wait(lambda: '==> File truncated <==' in read_file(shown), 'it is said', lambda: read_file(shown))
    with open(log, 'a', encoding='utf-8') as f:
        f.write('second\n')
    c.wait(lambda: read_file(shown).endswith('second\n'), 'what comes then', lambda: read_file(shown))
    p.send_signal(signal.SIGINT)
    c.wait(lambda: p.poll() is not None, 'Ctrl-C ends it')
    same(p.returncode, 0, 'exit code')


@story(nobody=True)
def a_name_that_looks_like_a_pattern_means_itself(c):
    d = c.daemon(''.join(c.program(name, ' sleep', 'startsecs=0') for name in ('w?', 'wx', 'p[0]', 'p0'))
                 + '[group:app[0]]\nprograms=p[0],p0\n')
    d.wait_all('RUNNING', 4)
    same(d.ctl('status', 'w?')[1].split()[:2], ['w?', 'RUNNING'], 'status')
    same(len(d.ctl('status', 'w?')[1].splitlines()), 1, 'lines of status')
    same(d.ctl('status', 'app[0]:p[0]')[1].split()[0], 'app[0]:p[0]', 'status of a process')
    same(len(d.ctl('status', 'app[0]:*')[1].splitlines()), 2, 'lines of status of the group')
    same(len(d.ctl('pid', 'w?')[1].split()), 1, 'pid')
    same(d.ctl('stop', 'w?')[1], 'w?: stopped\n', 'stop')
    same(d.ctl('stop', 'app[0]:p[0]')[1], 'app[0]:p[0]: stopped\n', 'stop of a process')
    same({p['name'] for p in d.processes() if p['state'] == 'RUNNING'}, {'wx', 'app[0]:p0'}, 'what runs')
    same(d.ctl('stop', 'w*')[1].splitlines(), ['w?: ERROR (not running)', 'wx: stopped'], 'a pattern')


@story(nobody=True)
def a_channel_is_named_in_any_case(c):
    d = c.daemon(c.program('w', '/bin/sh -c "echo seen >&2; exec sleep 1000"', 'startsecs=0'))
    d.wait_worker_log('w', 'seen', 'stderr')
    for word in ('stderr', 'STDERR', 'StdErr'):
        same(d.ctl('tail', 'w', word)[1].strip(), 'seen', word)
        same(d.ctl('tail', '-100', 'w', word)[1].strip(), 'seen', f'-100, {word}')


@story(nobody=True)
def fg_of_a_program_without_a_log_says_so(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'stdout_logfile=NONE', 'stderr_logfile=NONE')
                 + c.program('half', '/bin/sh -c "echo seen >&2; exec sleep 1000"', 'startsecs=0', 'stdout_logfile=NONE')
                 + c.program('one', '/bin/sh -c "echo seen; exec sleep 1000"', 'startsecs=0', 'redirect_stderr=true'))
    d.wait_all('RUNNING', 3)
    d.wait_worker_log('half', 'seen', 'stderr')
    d.wait_worker_log('one', 'seen')
    for name, words in (('w', ['w has no log: nothing']), ('one', ['seen']),
                        ('half', ['half has no log of its standard output: only', 'seen'])):
        with open(c.path(name), 'w', encoding='utf-8') as out:
            p = subprocess.Popen([c.need_ctl(), '-c', d.conf, 'fg', name], stdin=subprocess.PIPE, stdout=out,
                                 stderr=subprocess.STDOUT)
        c.wait(lambda: all(w in read_file(c.path(name)) for w in words), f'{name}: what is said',
               lambda: read_file(c.path(name)))
        p.stdin.close()
        c.wait(lambda: p.poll() is not None, f'{name}: fg ends with its input')
    check('has no log' not in read_file(c.path('one')), 'nothing is said where all of it is in one log')
