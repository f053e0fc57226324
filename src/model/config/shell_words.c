/* A command line cut into words as Python's shlex.split does it: POSIX quotes and backslashes. */
#include <string.h>

#include "model/config/recipe.h"

#define BLANKS " \t\r\n"

/* Inside double quotes a backslash escapes itself and the quote only. */
static bool shell_words_take_quoted(const char **at, struct buf *word, struct err *e)
{
        const char *s = *at;
        char quote = *s++;

        for (; *s != quote; s++) {
                if (!*s)
                        return err_set(e, ERR_CONFIG, "No closing quotation");
                if (quote == '"' && *s == '\\') {
                        s++;
                        if (!*s)
                                return err_set(e, ERR_CONFIG, "No escaped character");
                        if (*s != '\\' && *s != '"')
                                buf_putc(word, '\\');
                }
                buf_putc(word, *s);
        }
        *at = s + 1;
        return true;
}

static bool shell_words_take_word(const char **at, struct buf *word, struct err *e)
{
        while (**at && !strchr(BLANKS, **at)) {
                if (**at == '\'' || **at == '"') {
                        if (!shell_words_take_quoted(at, word, e))
                                return false;
                        continue;
                }
                if (**at == '\\')
                        (*at)++;
                if (!**at)
                        return err_set(e, ERR_CONFIG, "No escaped character");
                buf_putc(word, *(*at)++);
        }
        return true;
}

bool command_split(const char *text, struct strlist *argv, struct err *e)
{
        AUTO_BUF word = BUF_INIT;

        for (;;) {
                text += strspn(text, BLANKS);
                if (!*text)
                        return true;
                buf_reset(&word);
                if (!shell_words_take_word(&text, &word, e))
                        return false;
                if (word.failed || !strlist_add(argv, buf_str(&word)))
                        return err_nomem(e);
        }
}
