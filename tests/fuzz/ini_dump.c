/* Prints what the reader sees in each file named on standard input, for tests/tools/ini_compare.py:
 * per file one line "result line", then "s HEX" and "k HEX HEX", then ".". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config/ini.h"

static void put_hex(const char *s)
{
        putchar(' ');
        for (; *s; s++)
                printf("%02x", (unsigned char)*s);
        putchar('-');
}

static bool on_section(void *arg, const char *name, int line)
{
        (void)arg, (void)line;
        putchar('s');
        put_hex(name);
        putchar('\n');
        return true;
}

static bool on_key(void *arg, const struct ini_key *k)
{
        (void)arg;
        putchar('k');
        put_hex(k->key);
        put_hex(k->value);
        putchar('\n');
        return true;
}

static void dump(const char *path)
{
        static const struct ini_handler handler = { .section = on_section, .key = on_key };
        static char text[1 << 20];
        struct buf why = BUF_INIT;
        FILE *f = fopen(path, "rb");
        int line = 0;

        if (!f) {
                perror(path);
                exit(1);
        }
        size_t len = fread(text, 1, sizeof text, f);
        fclose(f);
        enum ini_result r = ini_read(text, len, "f", &handler, NULL, &why, &line);
        printf("r %d %d", r, line);
        put_hex(buf_str(&why));
        printf("\n.\n");
        buf_release(&why);
}

int main(void)
{
        char path[4096];

        while (fgets(path, sizeof path, stdin)) {
                path[strcspn(path, "\n")] = '\0';
                dump(path);
        }
        return 0;
}
