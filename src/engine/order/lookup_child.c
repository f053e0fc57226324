/* The child that looks names up: every question in a thread of its own, so that one name server
 * that is silent hides no other answer. It waits for as long as the parent lets it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/strlist.h"
#include "engine/order/lookup.h"
#include "sys/host/host.h"

#define THREADS_MAX 128
#define STACK_SIZE  (1u << 20) /* modules of the name service are not ours */

struct work {
        struct strlist questions;
        size_t next;
        pthread_mutex_t lock; /* of `next`, and of the standard output */
};

static bool read_questions(struct work *w)
{
        AUTO_BUF text = BUF_INIT;
        ssize_t n;

        do {
                if (!buf_reserve(&text, 65536))
                        return false;
                n = read(STDIN_FILENO, text.data + text.len, 65536);
                text.len += n > 0 ? (size_t)n : 0;
        } while (n > 0);
        /* users and groups first: hosts are what may be many and silent */
        for (int hosts = 0; hosts < 2; hosts++)
                for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
                        if ((text.data[at] == 'h') == hosts &&
                            !strlist_add(&w->questions, text.data + at))
                                return false;
        return n == 0;
}

static void lookup_child_say(const struct buf *answer)
{
        for (size_t done = 0; done < answer->len;) {
                ssize_t n = write(STDOUT_FILENO, answer->data + done, answer->len - done);
                if (n <= 0)
                        _exit(1);
                done += (size_t)n;
        }
}

static void *answer_all(void *arg)
{
        struct work *w = arg;

        for (;;) {
                AUTO_BUF answer = BUF_INIT;
                pthread_mutex_lock(&w->lock);
                size_t i = w->next++;
                pthread_mutex_unlock(&w->lock);
                if (i >= w->questions.count)
                        return NULL;
                lookup_answer(host_real(), w->questions.items[i], &answer);
                pthread_mutex_lock(&w->lock);
                if (!answer.failed)
                        lookup_child_say(&answer);
                pthread_mutex_unlock(&w->lock);
        }
}

int lookup_main(void)
{
        static struct work w = { .lock = PTHREAD_MUTEX_INITIALIZER };
        pthread_t threads[THREADS_MAX];
        pthread_attr_t attr;
        size_t count = 0;

        alarm(LOOKUP_LIMIT_S + 1); /* for a parent that was killed */
        host_real();               /* built before there are threads */
        if (!read_questions(&w))
                return 1;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        while (count < THREADS_MAX && count + 1 < w.questions.count &&
               pthread_create(&threads[count], &attr, answer_all, &w) == 0)
                count++;
        answer_all(&w);
        while (count > 0)
                pthread_join(threads[--count], NULL);
        strlist_release(&w.questions);
        return 0;
}
