/* /proc/PID/stat, whose second field is whatever a process calls itself. */
#include "../../src/sys/process/procfs.c"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct proc_entry entry = { 0 };
        char *text = strndup((const char *)data, size);

        assert(text);
        if (parse_stat(text, &entry))
                assert(strlen(entry.name) < sizeof entry.name);
        free(text);
        return 0;
}
