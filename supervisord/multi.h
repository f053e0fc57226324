/* All programs in one file, for containers: each program's main() under its own name. Included by
 * the compiler where the programs are built as parts of one (see `make static`). */
#ifndef MULTI_H
#define MULTI_H

int supervisord_main(int argc, char **argv);
int supervisorctl_main(int argc, char **argv);
int pidproxy_main(int argc, char **argv);
int echo_supervisord_conf_main(void);

#endif
