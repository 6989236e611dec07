/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack doctor: what this machine has and lacks, as a table of checks. A
 * warning is something that works less well; a failure is something that does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/daemons.h"
#include "codec/json_write.h"

#define DISK_MIN_GIB 5
#define RELEASE_S    1767225600 /* 2026-01-01: a clock before it is wrong */

enum level { GOOD, WARN, BAD };

struct finding {
    enum level level;
    char text[200];
    const char *fix; /* NULL when GOOD */
};

typedef void check_fn(struct finding *ret, struct cli *cli);

struct check {
    const char *name;
    check_fn *run;
};

static void find(struct finding *ret, enum level level, const char *fix, const char *text)
{
    ret->level = level;
    ret->fix = fix;
    (void)snprintf(ret->text, sizeof ret->text, "%s", text);
}

/* A program on the PATH or at one of the usual places. */
static bool has_program(const char *name)
{
    static const char *const dirs[] = { "/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin",
                                        "/usr/libexec/docker/cli-plugins" };
    char path[256];
    for (size_t i = 0; i < DS_LEN(dirs); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void check_program(struct finding *ret, const char *name, const char *fix)
{
    char text[128];
    bool has = has_program(name);
    (void)snprintf(text, sizeof text, "%s is %s", name, has ? "there" : "not installed");
    find(ret, has ? GOOD : BAD, has ? NULL : fix, text);
}

static void check_qemu(struct finding *ret, struct cli *cli)
{
    (void)cli;
    check_program(ret, "qemu-system-x86_64",
                  "install qemu-system-x86 (10.1 or newer: trixie-backports)");
}

static void check_qemu_img(struct finding *ret, struct cli *cli)
{
    (void)cli;
    check_program(ret, "qemu-img", "install qemu-utils");
}

static void check_compose(struct finding *ret, struct cli *cli)
{
    (void)cli;
    check_program(ret, "docker-compose",
                  "install docker-compose; no container engine is needed here");
}

static void check_kvm(struct finding *ret, struct cli *cli)
{
    (void)cli;
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        find(ret, WARN, "enable virtualisation, or accept that VMs boot slowly under TCG",
             errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm cannot be opened");
        return;
    }
    (void)close(fd);
    find(ret, GOOD, NULL, "/dev/kvm opens; dstack-vmm tries it by booting before it is used");
}

static void check_tee(struct finding *ret, struct cli *cli)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_error ignored;
    if (cli_vmm_call(&doc, cli, "GetMeta", DS_SPAN_LIT(""), &ignored) < 0) {
        find(ret, WARN,
             "start it with 'dstack up', or look at vmm/dstack-vmm.log in the state directory",
             "dstack-vmm does not run, so the machine kind is not known");
        return;
    }
    char text[160];
    const char *machine = cli_text(yyjson_doc_get_root(doc), "machine");
    bool real = strcmp(machine, "tdx") == 0 || strcmp(machine, "snp") == 0;
    (void)snprintf(text, sizeof text, "VMs of this machine are '%s'%s", machine,
                   real ? "" : ": for development, without protection");
    find(ret, real ? GOOD : WARN,
         real ? NULL : "use a machine with Intel TDX or AMD SEV-SNP for real secrets", text);
}

static void check_images(struct finding *ret, struct cli *cli)
{
    bool has = ds_file_exists(cli->images);
    find(ret, has ? GOOD : BAD, has ? NULL : "make a guest image: './dev image'",
         has ? "the images directory is there" : "there is no images directory");
}

static void check_disk(struct finding *ret, struct cli *cli)
{
    struct statvfs vfs;
    char text[128];
    if (statvfs(cli->state, &vfs) != 0) {
        find(ret, WARN, "the first 'dstack up' makes it", "the state directory is not there yet");
        return;
    }
    unsigned long long gib = (unsigned long long)vfs.f_bavail * vfs.f_frsize >> 30;
    (void)snprintf(text, sizeof text, "%llu GiB are free for VMs", gib);
    find(ret, gib >= DISK_MIN_GIB ? GOOD : BAD,
         gib >= DISK_MIN_GIB ? NULL : "free some space; a VM and its image take about 3 GiB", text);
}

static void check_clock(struct finding *ret, struct cli *cli)
{
    char when[21], text[64];
    int64_t now_s = ds_clock_now_s();
    (void)cli;
    (void)snprintf(text, sizeof text, "the clock says %s", ds_clock_iso(when, now_s));
    find(ret, now_s > RELEASE_S ? GOOD : BAD,
         now_s > RELEASE_S ? NULL : "set the clock: certificates are judged by it", text);
}

static void check_kms(struct finding *ret, struct cli *cli)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_error ignored;
    bool runs = cli_kms_call(&doc, cli, "Version", DS_SPAN_LIT(""), &ignored) == DS_OK;
    find(ret, runs ? GOOD : WARN, runs ? NULL : "'dstack up' starts it",
         runs ? "dstack-kms answers" : "dstack-kms does not run");
}

static const struct check checks[] = {
    { "qemu", check_qemu },   { "qemu-img", check_qemu_img }, { "compose", check_compose },
    { "kvm", check_kvm },     { "images", check_images },     { "disk", check_disk },
    { "clock", check_clock }, { "machine", check_tee },       { "kms", check_kms },
};

struct opts {
    bool json;
};

static const struct ds_arg_option options[] = {
    { "json", 0, DS_ARG_FLAG, NULL, "print JSON", offsetof(struct opts, json), 0 },
};

const struct ds_arg_command cmd_doctor_args = {
    .name = "dstack doctor",
    .summary = "check this machine: tools, images, daemons, KVM, disk, clock",
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack doctor",
};

static void print_finding(struct ds_buf *out, const char *name, const struct finding *f)
{
    static const char *const marks[] = { "ok  ", "warn", "BAD " };
    ds_buf_printf(out, "%s %-9s %s\n", marks[f->level], name, f->text);
    if (f->fix != NULL)
        ds_buf_printf(out, "               fix: %s\n", f->fix);
}

static void add_finding(struct ds_jw *w, const char *name, const struct finding *f)
{
    static const char *const levels[] = { "ok", "warn", "bad" };
    ds_jw_object(w, NULL);
    ds_jw_str(w, "check", name);
    ds_jw_str(w, "level", levels[f->level]);
    ds_jw_str(w, "text", f->text);
    ds_jw_str(w, "fix", f->fix);
    ds_jw_object_end(w);
}

int cmd_doctor(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { 0 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_doctor_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_jw w = ds_jw_of(&out);
    size_t n_bad = 0;
    if (cli->json)
        ds_jw_array(&w, NULL);
    for (size_t i = 0; i < DS_LEN(checks); i++) {
        struct finding f = { 0 };
        checks[i].run(&f, cli);
        n_bad += f.level == BAD;
        if (cli->json)
            add_finding(&w, checks[i].name, &f);
        else
            print_finding(&out, checks[i].name, &f);
    }
    if (cli->json) {
        ds_jw_array_end(&w);
        ds_buf_char(&out, '\n');
    }
    DS_TRY(ds_buf_end(&out, e, "report"));
    cli_print_span(ds_buf_span(&out));
    cli->reasons = (struct ds_verdict){ 0 };
    cli->reported = cli->json; /* the findings are the document */
    if (n_bad > 0)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_CHECK_FAILED, "%zu checks failed",
                            n_bad);
    return DS_OK;
}
