"""A changed file: what it would do, what it does, and which processes it leaves alone."""
import os
import signal
import subprocess

from e2elib import Events, alive, check, has, lacks, proc_environ, read_file, same, story, write_file

NUMBERED = 'process_name=%(program_name)s_%(process_num)02d'


@story(nobody=True)
def raising_numprocs_restarts_no_process(c):
    def text(n):
        return c.program('web', ' sleep', NUMBERED, f'numprocs={n}', 'startsecs=0')
    d = c.daemon(text(3))
    d.wait_all('RUNNING', 3)
    before = d.pids()
    changes = d.apply(text(6))
    same({n: x['action'] for n, x in changes.items() if x['keys'] != ['numprocs']
          or x['action'] != 'live'},
         {f'web:web_0{i}': 'start' for i in (3, 4, 5)}, 'changes')
    d.wait_all('RUNNING', 6)
    after = d.pids()
    same({n: after[n] for n in before}, before, 'pids')
    changes = d.apply(text(1))
    same({x['action'] for x in changes.values()} - {'live'}, {'stop'}, 'actions')
    c.wait(lambda: d.names() == ['web:web_00'], 'one is left')
    same(d.pids()['web:web_00'], before['web:web_00'], 'pid')


@story(nobody=True)
def a_changed_stopwaitsecs_takes_effect_without_a_restart(c):
    def text(seconds):
        return c.program('w', ' ignore-term', f'stopwaitsecs={seconds}', 'startsecs=0')
    d = c.daemon(text(3600))
    d.wait_worker_log('w', 'ready')
    pid = d.pids()['w']
    changes = d.apply(text(1))
    same((changes['w']['action'], changes['w']['keys']), ('live', ['stopwaitsecs']), 'change')
    same(d.pids()['w'], pid, 'pid')
    same(d.order('w', 'stop')['exit']['signal'], 'SIGKILL', 'signal')


@story(nobody=True)
def only_what_changed_is_touched(c):
    def program(name, *lines):
        return c.program(name, ' sleep', 'startsecs=0', *lines)
    d = c.daemon(program('same') + program('gone') + program('other') + program('env'))
    d.wait_all('RUNNING', 4)
    before = d.pids()
    new = (program('same') + c.program('other', ' close-stdout', 'startsecs=0')
           + program('env', 'environment=A="1"') + program('new'))
    d.configure(new)
    plan = d.reload(plan=True)
    same(plan['applied'], False, 'applied')
    expected = {'gone': 'stop', 'other': 'restart', 'env': 'restart', 'new': 'start'}
    same({x['name']: x['action'] for x in plan['changes']}, expected, 'plan')
    same(d.pids(), before, 'pids after looking only')
    done = d.reload()
    same(done['applied'], True, 'applied')
    same({x['name']: x['action'] for x in done['changes']}, expected, 'changes')
    c.wait(lambda: d.names() == ['env', 'new', 'other', 'same'], 'those that stay')
    d.wait_all('RUNNING', 4)
    after = d.pids()
    same(after['same'], before['same'], 'pid of the same')
    for name in ('other', 'env'):
        check(after[name] != before[name], f'{name} is new')
    check(not alive(before['gone']), 'the removed one is gone')
    same(d.reload()['changes'], [], 'changes of a second time')


WORDINGS = [  # [supervisord] environment, the program's, and its command, all of them with the same result
    ('A="1",B="2"', 'C="3",D=4', "{} sleep"),
    ('B="2",A="1"', 'D="4",C=3', "'{}'  sleep"),
    ("A='1' ,\n  B = 2,", 'C=3,\n  D=4', '"{}" "sleep"'),
    ('A=0,B=2,A=1', 'D=4,C=3', "{} sleep"),
    ('B=2', 'A=1,C=3,D=4', "{} %(ENV_WORD)s"),
    ('A=7,B=7', 'A=1,B=2,C=3,D=4', "{} sleep"),
]


@story(nobody=True)
def the_same_environment_in_other_words_restarts_no_process(c):
    os.environ['WORD'] = 'sleep'

    def configure(d, wording, *more):
        every, own, command = wording
        d.supervisord = f'environment={every}'
        d.configure(c.program('w', command.format(c.worker), f'environment={own}', 'startsecs=0', *more))
    d = c.daemon(start=False)
    configure(d, WORDINGS[0])
    d.start()
    d.wait_all('RUNNING', 1)
    pid = d.pids()['w']
    for wording in WORDINGS[1:]:
        configure(d, wording)
        same(d.reload(plan=True)['changes'], [], f'plan for {wording}')
        same(d.rpc().reloadConfig(), [[[], [], []]], f'reread of {wording}')
    for at, wording in enumerate(WORDINGS[1:]):
        configure(d, wording)
        same(d.reload()['changes'], [], f'changes for {wording}')
        d.send(signal.SIGHUP)
        d.wait_log(f'configuration applied: generation {2 * at + 3}')
        same(d.pids()['w'], pid, 'pid')
    for wording in WORDINGS:
        d.kill()
        configure(d, wording)
        d.start()
        same(d.pids()['w'], pid, f'pid after a kill, with {wording}')
    configure(d, ('A="1",B="3"', 'C="3",D=4', "{} sleep"))
    same({x['name']: (x['action'], x['keys']) for x in d.reload()['changes']}, {'w': ('restart', ['environment'])},
         'changes')
    c.wait(lambda: d.pids()['w'] not in (0, None, pid), 'a new one')
    d.wait_all('RUNNING', 1)
    pid = d.pids()['w']
    same(proc_environ(pid)['B'], '3', 'B')
    d.kill()
    configure(d, ('A="1",B="4"', 'C="3",D=4', "{} sleep"))
    d.start()
    c.wait(lambda: d.pids()['w'] not in (0, None, pid), 'a new one after the kill')
    d.wait_all('RUNNING', 1)
    same(proc_environ(d.pids()['w'])['B'], '4', 'B after the kill')


@story(nobody=True)
def a_program_that_is_told_numprocs_is_restarted_with_it(c):
    def text(n):
        return (c.program('told', ' sleep', NUMBERED, f'numprocs={n}', 'startsecs=0', 'environment=N=%(numprocs)d')
                + c.program('not', ' sleep', NUMBERED, f'numprocs={n}', 'startsecs=0'))
    d = c.daemon(text(2))
    d.wait_all('RUNNING', 4)
    before = d.pids()
    changes = d.apply(text(3))
    same({n: x['action'] for n, x in changes.items()},
         {'told:told_00': 'restart', 'told:told_01': 'restart', 'told:told_02': 'start',
          'not:not_00': 'live', 'not:not_01': 'live', 'not:not_02': 'start'}, 'changes')
    c.wait(lambda: not set(d.pids('told:*').values()) & {before['told:told_00'], before['told:told_01'], 0, None},
           'new ones')
    d.wait_all('RUNNING', 6)
    after = d.pids()
    same({proc_environ(after[f'told:told_0{i}'])['N'] for i in range(3)}, {'3'}, 'what they are told')
    same([after[f'not:not_0{i}'] for i in range(2)], [before[f'not:not_0{i}'] for i in range(2)], 'pids')
    d.kill()
    d.configure(text(2))
    d.start()
    c.wait(lambda: len(d.names()) == 4, 'two of each')
    c.wait(lambda: not {d.pids()['told:told_00'], d.pids()['told:told_01']} & {*after.values(), 0, None}, 'new ones')
    d.wait_all('RUNNING', 4)
    same(d.pids()['not:not_00'], before['not:not_00'], 'pid after a kill')


@story(nobody=True)
def an_update_takes_the_environment_of_the_daemon_that_the_file_has_now(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), supervisord='environment=A=1')
    d.wait_all('RUNNING', 1)
    d.supervisord = 'environment=A=2'
    d.configure(d.text)
    rpc = d.rpc()
    same(rpc.reloadConfig(), [[[], ['w'], []]], 'reloadConfig')
    rpc.stopProcessGroup('w'), rpc.removeProcessGroup('w'), rpc.addProcessGroup('w')
    d.wait_all('RUNNING', 1)
    same(proc_environ(d.pids()['w'])['A'], '2', 'A')


@story(nobody=True)
def a_hangup_applies_the_file(c):
    d = c.daemon(c.program('a', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    pid = d.pids()['a']
    d.configure(c.program('a', ' sleep', 'startsecs=0') + c.program('b', ' sleep', 'startsecs=0'))
    d.send(signal.SIGHUP)
    d.wait_log('configuration applied: generation 2')
    d.wait_all('RUNNING', 2)
    same(d.pids()['a'], pid, 'pid of a')
    for _ in range(20):
        d.send(signal.SIGHUP)
    same(d.reload()['changes'], [], 'changes')
    same(d.pids()['a'], pid, 'pid of a')


@story(nobody=True)
def a_bad_file_changes_nothing_and_says_where_it_is_wrong(c):
    good = c.program('a', ' sleep', 'startsecs=0')
    d = c.daemon(good)
    d.wait_all('RUNNING', 1)
    before, generation = d.pids(), d.info()['config_generation']
    bad = good + c.program('b', ' sleep', 'numprocs=many', 'stopsignal=NONSENSE')
    d.configure(bad)
    lines = read_file(d.conf).splitlines()
    a = d.reload(422)
    found = {(e['file'], e['line']) for e in a['errors']}
    for word in ('numprocs=many', 'stopsignal=NONSENSE'):
        check((d.conf, lines.index(word) + 1) in found, f'{word} is not among {found}')
    same(a['code'], 'CANT_REREAD', 'code')
    d.send(signal.SIGHUP)
    d.wait_log(f'configuration refused: {d.conf}:{lines.index("numprocs=many") + 1}:', 2)
    os.unlink(d.conf)
    d.reload(422)
    same(d.pids(), before, 'pids')
    same(d.info()['config_generation'], generation, 'generation')
    d.configure(good)
    d.reload()


@story(nobody=True)
def a_new_socket_path_takes_effect_without_a_restart(c):
    text = c.program('a', ' sleep', 'startsecs=0')
    d = c.daemon(text)
    d.wait_all('RUNNING', 1)
    before, old = d.pids(), d.socket
    write_file(d.conf, read_file(d.conf).replace(old, f'{d.dir}/new.sock'))
    d.reload()
    d.socket = f'{d.dir}/new.sock'
    c.wait(d.answers, 'the new socket answers')
    c.wait(lambda: not os.path.exists(old), 'the old one is gone')
    same(d.pids(), before, 'pids')
    os.mkdir(f'{d.dir}/busy')  # where no socket can be: refused, and nothing has changed
    write_file(d.conf, read_file(d.conf).replace(d.socket, f'{d.dir}/busy'))
    a = d.request('POST', '/v1/reload', {})
    check(a.status >= 400, f'status {a.status}')
    check(d.answers(), 'it still answers')
    same(d.pids(), before, 'pids')


@story(nobody=True)
def changed_logs_take_effect_without_a_restart(c):
    def text(name):
        return c.program('w', ' echo', 'startsecs=0', f'stdout_logfile={c.path(name)}')
    d = c.daemon(text('one'))
    d.wait_all('RUNNING', 1)
    before = d.pids()
    d.order('w', 'stdin', 204, data='first\n')
    c.wait(lambda: read_file(c.path('one')) == 'first\n', 'it is in the first file')
    old = d.logfile
    d.logfile = f'{d.dir}/other.log'
    same({x['action'] for x in d.apply(text('two')).values()}, {'live'}, 'actions')
    d.order('w', 'stdin', 204, data='second\n')
    c.wait(lambda: read_file(c.path('two')) == 'second\n', 'it is in the second file')
    same(read_file(c.path('one')), 'first\n', 'the first file')
    same(d.pids(), before, 'pids')
    d.wait_log('configuration applied')
    lacks(read_file(old), 'configuration applied', 'the old main log')
    d.supervisord = 'loglevel=debug'
    d.apply(text('two'))
    d.send(signal.SIGCHLD)
    d.wait_log('DEBG')


@story(nobody=True)
def sighup_restart_stops_everything_and_begins_anew(c):
    text = c.program('a', ' sleep', 'startsecs=0')
    d = c.daemon(text, supervisord='sighup=restart')
    d.wait_all('RUNNING', 1)
    pid = d.pids()['a']
    d.configure(text + 'stopwaitsecs=many\n')
    d.send(signal.SIGHUP)
    d.wait_log('configuration refused')
    same(d.pids()['a'], pid, 'pid after a bad file')
    d.configure(text + c.program('b', ' sleep', 'startsecs=0'))
    d.send(signal.SIGHUP)
    d.wait_log('supervisord started with pid', 2)
    c.wait(lambda: d.answers() and d.info()['counts']['RUNNING'] == 2, 'both run')
    check(d.pids()['a'] != pid and not alive(pid), 'a is new')
    same(d.info()['pid'], d.pid, 'pid of the daemon')


@story(nobody=True)
def a_change_of_group_and_an_include_are_followed(c):
    os.mkdir(c.path('conf.d'))
    include = f'[include]\nfiles={c.dir}/conf.d/*.ini\n'
    d = c.daemon(c.program('a', ' sleep', 'startsecs=0') + include)
    d.wait_all('RUNNING', 1)
    write_file(c.path('conf.d', 'b.ini'), c.program('b', ' sleep', 'startsecs=0'))
    same([x['name'] for x in d.reload()['changes']], ['b'], 'changes')
    d.wait_all('RUNNING', 2)
    write_file(c.path('conf.d', 'g.ini'), '[group:g]\nprograms=b\n')
    same(sorted((x['name'], x['action']) for x in d.reload()['changes']),
         [('b', 'stop'), ('g:b', 'start')], 'changes')
    c.wait(lambda: d.names() == ['a', 'g:b'], 'it has moved')
    write_file(c.path('conf.d', 'b.ini'), '[program:b]\ncommand=x\numask=999\n')
    a = d.reload(422)
    same([(e['file'], e['line']) for e in a['errors']], [(c.path('conf.d', 'b.ini'), 3)], 'errors')


@story(nobody=True)
def an_include_that_cannot_be_read_removes_no_process(c):
    os.mkdir(c.path('conf.d'))
    path = c.path('conf.d', 'b.ini')
    text = c.program('b', ' sleep', 'startsecs=0')
    write_file(path, text)
    include = f'[include]\nfiles={c.dir}/conf.d/*.ini'
    d = c.daemon(c.program('a', ' sleep', 'startsecs=0') + include)
    d.wait_all('RUNNING', 2)
    before = d.pids()

    def link(to):
        os.unlink(path)
        os.symlink(to, path)

    def refused(what, name=path):
        a = d.reload(422)
        check(any(name in e['message'] or e['file'] == name for e in a['errors']), f'{what}: {a["errors"]}')
        d.reload(422, plan=True)
        code, out, err = d.ctl('update')
        has(out + err, 'CANT_REREAD', f'update, {what}')
        check(d.ctl('apply')[0] != 0, f'apply, {what}')
        code, out, err = d.ctl('reread')
        has(out + err, name, f'reread, {what}')
        seen = len(d.lines('configuration refused'))
        d.send(signal.SIGHUP)
        d.wait_log('configuration refused', seen + 1)
        has(d.lines('configuration refused')[-1], name, f'the log, {what}')
        same(d.pids(), before, f'pids, {what}')

    def good():
        os.unlink(path)
        write_file(path, text)
        same(d.reload()['changes'], [], 'changes')
    link(path)
    refused('a link to itself')
    link('/proc/self/mem')
    refused('a file that gives EIO')
    good()
    os.unlink(path)
    os.mkdir(path)
    refused('a directory')
    os.rmdir(path)
    write_file(path, text)
    good()
    os.mkdir(c.path('conf.d', 'always.ini'))  # one that never was a file removes nothing
    good()
    os.rmdir(c.path('conf.d', 'always.ini'))
    os.unlink(path)
    os.mkfifo(path)
    refused('a named pipe')
    good()
    for what in ('/dev/zero', '/dev/full', d.socket):
        link(what)
        refused(f'a link to {what}')
        good()
    main = read_file(d.conf)
    os.unlink(d.conf)
    os.mkfifo(d.conf)
    has(d.reload(422)['errors'][0]['message'], f'{d.conf} is a pipe, not a regular file', 'the main file')
    d.reload(422, plan=True)
    os.unlink(d.conf)
    os.symlink(d.conf, d.conf)
    d.reload(422)
    d.wait_log(f'configuration refused: {d.conf}: could not read config file {d.conf}: open {d.conf}: Too many levels')
    os.unlink(d.conf)
    write_file(d.conf, main)
    good()
    with open(path, 'ab') as f:
        f.write(b'; caf\xe9\n')
    refused('text that is not UTF-8')
    good()
    d.configure(d.text + f' {c.dir}/{"x" * 300}.ini')
    refused('a name that is too long', 'x' * 300)
    d.configure(d.text.replace(f' {c.dir}/{"x" * 300}.ini', ''))
    if os.getuid():
        for name, mode in ((path, 0), (c.path('conf.d'), 0), (c.path('conf.d'), 0o400)):
            was = os.stat(name).st_mode
            os.chmod(name, mode)
            refused(f'mode {mode:o} of {name}', c.path('conf.d'))
            os.chmod(name, was)
    d.configure(d.text.replace('conf.d/*.ini', 'conf.d/*.ini nothing.ini'))
    same(d.reload()['changes'], [], 'changes without what is not there')
    d.wait_log('No file matches via include')
    link(path)
    d.kill()
    d.start()
    d.wait_log('it may be in the included file that could not be read')
    same(d.pids()['b'], before['b'], 'pid after a kill')
    good_pid = d.pids()
    os.unlink(path)
    write_file(path, text)
    d.reload()
    c.wait(lambda: d.process('b')['state'] == 'RUNNING' and d.pids()['b'] != good_pid['b'], 'b by its settings')
    same(d.pids()['a'], before['a'], 'pid of a')


@story(nobody=True)
def a_configuration_comes_through_a_pipe_though_its_names_are_looked_up(c):
    """The file is read again when the names are known, and a pipe gives its text once only."""
    text = (f'[supervisord]\nlogfile={c.path("log")}\npidfile={c.path("pid")}\nuser={os.getuid()}\n'
            '[supervisorctl]\nserverurl=unix:///nowhere/s.sock\n'
            + c.program('a', ' sleep', 'healthcheck=tcp://localhost:1'))

    def run(program, *words, **how):
        p = subprocess.run([f'{c.options.bin}/{program}', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=c.patience, **how)
        return p.returncode, p.stdout.decode()
    code, out = run('supervisord', '--check', '-c', '/dev/stdin', input=text.encode())
    same(code, 0, out)
    has(out, '1 program,', 'what is said of it')
    code, out = run('supervisorctl', '-c', '/dev/stdin', 'status', input=text.encode())
    has(out, 'unix:///nowhere/s.sock no such file', 'what the client says')
    os.mkfifo(c.path('fifo'))
    code, out = run('supervisorctl', '-c', c.path('fifo'), 'status', stdin=subprocess.DEVNULL)
    same(code, 2, out)
    has(out, f'could not read config file {c.path("fifo")}: {c.path("fifo")} is a pipe, not a regular file', 'the reason')


@story(nobody=True)
def update_is_what_supervisors_users_know(c):
    def text(n, *lines):
        return c.program('web', ' sleep', NUMBERED, f'numprocs={n}', 'startsecs=0', *lines)
    d = c.daemon(text(2) + c.program('gone', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 3)
    before = d.pids()
    d.configure(text(3) + c.program('new', ' sleep', 'startsecs=0'))
    same(d.rpc().reloadConfig(), [[['new'], ['web'], ['gone']]], 'reloadConfig')
    same(d.pids(), before, 'pids: it only looks')
    rpc = d.rpc()
    rpc.stopProcessGroup('gone'), rpc.removeProcessGroup('gone')
    rpc.stopProcessGroup('web'), rpc.removeProcessGroup('web')
    rpc.addProcessGroup('web'), rpc.addProcessGroup('new')
    d.wait_all('RUNNING', 4)
    check(not set(before.values()) & set(d.pids().values()), 'all are new')


@story(nobody=True)
def the_result_of_a_reload_is_published_as_an_event(c):
    d = c.daemon(c.program('a', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    e = Events(d, 'config.*')
    d.apply(c.program('a', ' sleep', 'startsecs=0', 'stopwaitsecs=3'))
    seen = e.until(lambda i, t, x: t == 'config.applied', 'config.applied')
    same([x['name'] for x in seen[-1][2]['changes']], ['a'], 'changes')
    d.configure('[program:x]\n')
    d.reload(422)
    seen = e.until(lambda i, t, x: t == 'config.refused', 'config.refused')
    check(seen[-1][2]['errors'], 'errors')
    e.close()
