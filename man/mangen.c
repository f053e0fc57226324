/* mangen < page.in > page: a filter that replaces each line "@NAME WORD...@" by a list made from
 * the programs' own tables. */
#include "mangen.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "version.h"

#define WORDS_MAX 8

/* A full stop that ends a sentence: what follows begins with a capital. "..." does not. */
static bool ends_sentence(const char *at)
{
        return *at == '.' && at[1] == ' ' && isupper((unsigned char)at[2]);
}

void mdoc_text(struct buf *out, const char *text)
{
        bool at_start = true;

        for (const char *at = text; *at; at++) {
                if (at_start && (*at == '.' || *at == '\''))
                        buf_puts(out, "\\&");
                at_start = false;
                if (*at == '\\')
                        buf_puts(out, "\\e");
                else
                        buf_putc(out, *at);
                if (ends_sentence(at)) {
                        buf_putc(out, '\n');
                        at++;
                        at_start = true;
                }
        }
        buf_putc(out, '\n');
}

void mdoc_arg(struct buf *out, const char *text)
{
        buf_puts(out, "\"\\&");
        for (const char *at = text; *at; at++) {
                if (*at == '"')
                        buf_puts(out, "\"\"");
                else if (*at == '\\')
                        buf_puts(out, "\\e");
                else if (*at == '-')
                        buf_puts(out, "\\-");
                else
                        buf_putc(out, *at);
        }
        buf_putc(out, '"');
}

static const struct list *find(const char *name)
{
        static const struct list *const all[] = { model_lists, rpc_lists, ctl_lists };

        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                for (const struct list *l = all[i]; l->name; l++)
                        if (strcmp(l->name, name) == 0)
                                return l;
        return NULL;
}

/* "@options program@" -> the list. False: nothing of that name. */
static bool put_list(struct buf *out, char *line)
{
        char *words[WORDS_MAX], *rest = NULL;
        int count = 0;

        line[strcspn(line, "\n")] = '\0';
        line[strlen(line) - 1] = '\0';
        for (char *w = strtok_r(line + 1, " ", &rest); w && count < WORDS_MAX;
             w = strtok_r(NULL, " ", &rest))
                words[count++] = w;
        const struct list *l = count ? find(words[0]) : NULL;
        return l && l->write(out, words + 1, count - 1);
}

static bool is_marker(const char *line)
{
        size_t len = strcspn(line, "\n");

        return len > 2 && line[0] == '@' && line[len - 1] == '@';
}

int main(void)
{
        AUTO_BUF out = BUF_INIT;
        char line[4096], whole[4096];

        for (int n = 1; fgets(line, sizeof line, stdin); n++) {
                if (!is_marker(line)) {
                        buf_puts(&out, line);
                        continue;
                }
                memcpy(whole, line, sizeof whole);
                if (!put_list(&out, line)) {
                        fprintf(stderr, "mangen: line %d: no such list: %s", n, whole);
                        return 1;
                }
        }
        if (out.failed || fwrite(buf_str(&out), 1, out.len, stdout) != out.len || fflush(stdout)) {
                fprintf(stderr, "mangen: cannot write\n");
                return 1;
        }
        return 0;
}
