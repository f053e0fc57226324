/* Prints the sample configuration (etc/supervisord.conf, linked in as it is). compat 21.6. */
#include <stdio.h>

#include "base/fd.h"

extern const char _binary_supervisord_conf_start[], _binary_supervisord_conf_end[];

int main(void)
{
        /* cppcheck-suppress comparePointers; the linker puts both around one thing */
        size_t len = (size_t)(_binary_supervisord_conf_end - _binary_supervisord_conf_start);

        if (!fd_standard_fill()) {
                perror("echo_supervisord_conf: /dev/null in place of a closed standard descriptor");
                return 1;
        }
        if (fwrite(_binary_supervisord_conf_start, 1, len, stdout) != len || fflush(stdout) != 0) {
                perror("echo_supervisord_conf");
                return 1;
        }
        return 0;
}
