/* AUTO names (compat 10, 15). */
#include "subject.h"

TestSuite(auto_path, .init = setup, .fini = teardown);

Test(auto_path, makes_auto_names_and_cleans_them_up)
{
        char *a = logs_auto_path(rig.dir, "web:1", false, "super.visor", &rig.err);
        char *b = logs_auto_path(rig.dir, "web:1", true, "super.visor", &rig.err);
        const char *const spare[] = { b, NULL };
        char *name, *backup = NULL;
        struct stat st;

        cr_assert(a && b, "%s", rig.err.text);
        for (int i = 0; i < 2; i++) {
                struct stream_conf c = { .process = "p", .path = i ? b : a, .is_auto = true };
                stream_free(rig_stream(&rig, &c)); /* makes the file */
        }
        name = strrchr(a, '/') + 1;
        cr_expect_eq(strncmp(name, "web:1-stdout---super.visor-", 27), 0);
        cr_expect_eq(strspn(name + 27, "abcdefghijklmnopqrstuvwxyz0123456789_"), 8);
        cr_expect_str_eq(name + 35, ".log");
        cr_assert_eq(stat(a, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        cr_assert_gt(asprintf(&backup, "%s.12", strrchr(b, '/') + 1), 0);
        rig_write(&rig, backup, "x");
        static const char *const goes[] = { "x---super.visor-a.log", "x---super.visor-a.log.3" };
        static const char *const stays[] = { "keep.log",
                                             "x---other-a.log",
                                             "---super.visor-a.log",
                                             "x---super.visor-a b.log",
                                             "x---super.visor-a.txt",
                                             "x---super.visor-a.logs",
                                             "x---super.visor-.log" };
        for (size_t i = 0; i < 2; i++)
                rig_write(&rig, goes[i], "x");
        for (size_t i = 0; i < 7; i++)
                rig_write(&rig, stays[i], "x");
        logs_clean_auto(rig.dir, "super.visor", spare, &AUTO_CLAIMS_NONE, &rig.log);
        cr_expect_neq(access(a, F_OK), 0);
        cr_expect_eq(access(b, F_OK), 0);
        cr_expect_eq(access(rig_path(&rig, backup), F_OK), 0);
        for (size_t i = 0; i < 2; i++)
                cr_expect_neq(access(rig_path(&rig, goes[i]), F_OK), 0, "%s", goes[i]);
        for (size_t i = 0; i < 7; i++)
                cr_expect_eq(access(rig_path(&rig, stays[i]), F_OK), 0, "%s", stays[i]);
        logs_clean_auto("/nonexistent/folder", "s", NULL, &AUTO_CLAIMS_NONE, &rig.log);
        cr_expect_str_eq(buf_str(&rig.logged), "WARN Could not clear childlog dir\n");
        free(a);
        free(b);
        free(backup);
}

/* Two daemons, one directory, one identifier. */
Test(auto_path, leaves_what_another_holder_has_claimed)
{
        struct auto_claims living = AUTO_CLAIMS_NONE, other = AUTO_CLAIMS_NONE;
        static const char *const held[] = { "x---me-a.log", "x---me-a.log.1", "x---me-a.log.2.gz",
                                            "x---me-a.log.gz.part" };
        static const char *const left[] = { "x---me-b.log", "x---me-b.log.1", "x---me-a.logs.log" };

        cr_assert(auto_claims_open(&living, -1, rig.dir, &rig.err), "%s", rig.err.text);
        cr_assert(auto_claims_add(&living, rig_path(&rig, "x---me-a.log"), &rig.err));
        cr_assert(auto_claims_open(&other, -1, rig.dir, &rig.err));
        cr_assert(auto_claims_add(&other, rig_path(&rig, "x---me-b.log"), &rig.err));
        cr_assert(auto_claims_add(&other, "/elsewhere/x---me-c.log", &rig.err));
        for (size_t i = 0; i < sizeof held / sizeof *held; i++)
                rig_write(&rig, held[i], "x");
        for (size_t i = 0; i < sizeof left / sizeof *left; i++)
                rig_write(&rig, left[i], "x");
        logs_clean_auto(rig.dir, "me", NULL, &other, &rig.log); /* its own are not spared */
        for (size_t i = 0; i < sizeof held / sizeof *held; i++)
                cr_expect_eq(access(rig_path(&rig, held[i]), F_OK), 0, "%s", held[i]);
        for (size_t i = 0; i < sizeof left / sizeof *left; i++)
                cr_expect_neq(access(rig_path(&rig, left[i]), F_OK), 0, "%s", left[i]);

        auto_claims_release(&living); /* it has ended */
        logs_clean_auto(rig.dir, "me", NULL, &AUTO_CLAIMS_NONE, &rig.log);
        for (size_t i = 0; i < sizeof held / sizeof *held; i++)
                cr_expect_neq(access(rig_path(&rig, held[i]), F_OK), 0, "%s", held[i]);
        auto_claims_release(&other);
        cr_expect_str_eq(buf_str(&rig.logged), "");
}

/* As an exec does: the same locks by another number. */
Test(auto_path, keeps_its_claims_over_an_upgrade)
{
        struct auto_claims before = AUTO_CLAIMS_NONE, after = AUTO_CLAIMS_NONE;

        cr_assert(auto_claims_open(&before, -1, rig.dir, &rig.err));
        cr_assert(auto_claims_add(&before, rig_path(&rig, "x---me-a.log"), &rig.err));
        int handed = dup(before.fd);
        auto_claims_release(&before);
        cr_assert(auto_claims_open(&after, handed, rig.dir, &rig.err));
        cr_expect_eq(after.fd, handed);
        rig_write(&rig, "x---me-a.log", "x");
        logs_clean_auto(rig.dir, "me", NULL, &AUTO_CLAIMS_NONE, &rig.log);
        cr_expect_eq(access(rig_path(&rig, "x---me-a.log"), F_OK), 0);
        cr_expect_not(auto_claims_open(&after, -1, "/nonexistent/folder", &rig.err));
        cr_expect(auto_claims_open(&after, -1, "/nonexistent/folder", &rig.err), "it is said once");
        logs_clean_auto(rig.dir, "me", NULL, &after, &rig.log);
        cr_expect_neq(access(rig_path(&rig, "x---me-a.log"), F_OK), 0);
        auto_claims_release(&after);
}

static void expect_refused(const struct stream_conf *c)
{
        struct stream *refused = stream_new(rig.logs, c, &rig, &rig.err);
        int fds[2];

        cr_assert(refused && pipe2(fds, O_CLOEXEC) == 0);
        cr_expect_not(stream_attach(refused, fds[0], NULL, &rig.err));
        close(fds[1]);
        stream_free(refused);
}

Test(auto_path, follows_no_link_of_another_user_and_needs_its_directory)
{
        struct stream_conf c = conf_for("l");

        c.is_auto = true;
        cr_assert_eq(symlink("/etc/passwd", rig_path(&rig, "l")), 0);
        /* one of our own may be followed; some file systems only say that they change owners */
        struct stat st;
        cr_assert(geteuid() != 0 || lchown(rig_path(&rig, "l"), 12345, 12345) == 0);
        cr_assert_eq(lstat(rig_path(&rig, "l"), &st), 0);
        if (st.st_uid == 12345) {
                expect_refused(&c);
                cr_expect(strstr(rig.err.text, "make "), "%s", rig.err.text);
        }
        c.path = "/nonexistent/folder/x";
        expect_refused(&c);
}

Test(auto_path, is_cleaned_up_by_the_thread_before_what_comes_later)
{
        struct stream_conf c;
        char path[256];

        rig_write(&rig, "x---me-a.log", "old");
        cr_assert(logs_run(rig.logs, NULL, &rig.err));
        logs_clean(rig.logs, rig.dir, "me", &AUTO_CLAIMS_NONE);
        snprintf(path, sizeof path, "%s", rig_path(&rig, "x---me-b.log"));
        c = (struct stream_conf){ .process = "x", .path = path, .is_auto = true };
        stream_free(rig_stream(&rig, &c));
        logs_free(rig.logs);
        rig.logs = NULL;
        cr_expect_neq(access(rig_path(&rig, "x---me-a.log"), F_OK), 0);
        cr_expect_eq(access(path, F_OK), 0);
}
