/* What is said of a worker's lines in syslog: RFC 5424, section 6.2. */
#include <stdlib.h>
#include <string.h>

#include "model/config/opt_kind.h"

/* Table 1, by the names that syslog.conf uses. */
static const struct opt_word facility_words[] = {
        { "user", 1 },      { "kern", 0 },    { "mail", 2 },    { "daemon", 3 },  { "auth", 4 },
        { "syslog", 5 },    { "lpr", 6 },     { "news", 7 },    { "uucp", 8 },    { "cron", 9 },
        { "authpriv", 10 }, { "ftp", 11 },    { "local0", 16 }, { "local1", 17 }, { "local2", 18 },
        { "local3", 19 },   { "local4", 20 }, { "local5", 21 }, { "local6", 22 }, { "local7", 23 },
        { NULL, 0 },
};

/* Table 2. */
static const struct opt_word level_words[] = {
        { "emerg", 0 },  { "alert", 1 }, { "crit", 2 },  { "err", 3 }, { "warning", 4 },
        { "notice", 5 }, { "info", 6 },  { "debug", 7 }, { NULL, 0 },
};

static const struct opt_word form_words[] = {
        { "rfc3164", SYSLOG_FORM_BSD },
        { "rfc5424", SYSLOG_FORM_5424 },
        { NULL, 0 },
};

const struct opt_kind opt_kind_syslog_facility = OPT_WORD_KIND(
    opt_parse_word, facility_words,
    "kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp or local0 to "
    "local7");
const struct opt_kind opt_kind_syslog_level = OPT_WORD_KIND(
    opt_parse_word, level_words, "emerg, alert, crit, err, warning, notice, info or debug");
const struct opt_kind opt_kind_syslog_format =
    OPT_WORD_KIND(opt_parse_word, form_words, "rfc3164 or rfc5424");

/* ---- the tag */

#define TAG_MOST  48 /* of APP-NAME */
#define TAG_WORDS "1 to 48 printable ASCII characters without blanks, ':' and '['"

/* As APP-NAME and, in the older form, as what stands before "[pid]:". */
static bool is_tag(const char *text)
{
        size_t len = strlen(text);

        for (size_t i = 0; i < len; i++)
                if (text[i] <= ' ' || text[i] > '~' || text[i] == ':' || text[i] == '[')
                        return false;
        return len >= 1 && len <= TAG_MOST;
}

/* With an expansion it is looked at when it has become something. */
static bool tag_parse(const struct opt *o, const char *text, const struct host *w,
                      union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        if (!strstr(text, "%(") && !is_tag(text))
                return opt_expected(e, TAG_WORDS, text);
        return opt_keep(strdup(text), v, e);
}

const struct opt_kind opt_kind_syslog_tag = {
        .size = sizeof(char *),
        .parse = tag_parse,
        .same = opt_same_text,
        .drop = opt_drop_text,
        .format = opt_format_text,
        .words = TAG_WORDS,
};
