/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probing the host. /dev/kvm may open and still not run a stock kernel, so the
 * question is put to a kernel: it runs for a moment and must greet on its
 * serial console.
 */
#include "vmm/host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/utsname.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "codec/json_write.h"

#define PROBE_MS      15000 /* a slow host needs 2 s to the greeting; a broken one never comes */
#define PROBE_POLL_MS 100
#define PROBE_LOG_MAX ((size_t)1 << 20)
#define ACCEL_FILE    "accel.json"
#define SMALL_FILE    ((size_t)64 << 10)

static const struct vmm_machine *find_platform(const struct vmm_cfg *cfg)
{
    DS_AUTO(ds_buf_done) struct ds_buf cpuinfo = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf tdx = { 0 };
    if (strcmp(cfg->machine, "auto") != 0)
        return vmm_machine_find(cfg->machine);
    /* Not there, or not readable: then it is not that hardware. */
    if (ds_file_load(&cpuinfo, "/proc/cpuinfo", (size_t)8 << 20, NULL) < 0)
        ds_buf_clear(&cpuinfo);
    if (ds_file_load(&tdx, "/sys/module/kvm_intel/parameters/tdx", SMALL_FILE, NULL) < 0)
        ds_buf_clear(&tdx);
    return vmm_machine_detect(ds_buf_span(&cpuinfo), ds_buf_span(&tdx));
}

int vmm_host_init(struct vmm_host *ret, const struct vmm_cfg *cfg, const struct vmm_places *places,
                  struct ds_error *e)
{
    *ret = (struct vmm_host){ .cfg = cfg, .places = places, .platform = find_platform(cfg) };
    if (pthread_mutex_init(&ret->lock, NULL) != 0)
        return ds_fail(e, DS_ERR_NOMEM, "host");
    if (pthread_mutex_init(&ret->asking, NULL) != 0) {
        (void)pthread_mutex_destroy(&ret->lock);
        return ds_fail(e, DS_ERR_NOMEM, "host");
    }
    return DS_OK;
}

void vmm_host_done(struct vmm_host *h)
{
    (void)pthread_mutex_destroy(&h->asking);
    (void)pthread_mutex_destroy(&h->lock);
}

/* "QEMU emulator version 11.1.3 (Debian …)" */
static int parse_version(char ret[static 32], struct ds_span text, struct ds_error *e)
{
    static const char before[] = "version ";
    const uint8_t *at = text.p != NULL ? memmem(text.p, text.len, before, sizeof before - 1) : NULL;
    size_t len = 0;
    if (at != NULL) {
        at += sizeof before - 1;
        size_t left = (size_t)(text.p + text.len - at);
        while (len < left && len < 31 && (at[len] == '.' || (at[len] >= '0' && at[len] <= '9')))
            len++;
    }
    if (len == 0 || !ds_str_copy_span(ret, 32, DS_SPAN(at, len)))
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_VMM_QEMU_MISSING,
                            "the QEMU program does not tell its version");
    return DS_OK;
}

static int ask_version(struct vmm_host *h, struct ds_error *e)
{
    if (h->qemu_version[0] != '\0')
        return DS_OK;
    const char *const argv[] = { h->cfg->qemu, "--version", NULL };
    struct ds_proc_spec spec = { .argv = argv };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    int r = ds_proc_run(&out, &spec, (struct ds_span){ 0 }, SMALL_FILE, 30000, e);
    if (r == DS_ERR_NOTFOUND)
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_VMM_QEMU_MISSING, "no program '%s'",
                            h->cfg->qemu);
    DS_TRY(r);
    return parse_version(h->qemu_version, ds_buf_span(&out), e);
}

int vmm_host_qemu_version(char ret[static 32], struct vmm_host *h, struct ds_error *e)
{
    (void)pthread_mutex_lock(&h->asking);
    int r = ask_version(h, e);
    memcpy(ret, h->qemu_version, sizeof h->qemu_version);
    (void)pthread_mutex_unlock(&h->asking);
    return r;
}

static bool log_has_greeting(const char *log)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    static const char greeting[] = "Linux version ";
    return ds_file_load(&text, log, PROBE_LOG_MAX, NULL) == DS_OK && text.p != NULL &&
           memmem(text.p, text.len, greeting, sizeof greeting - 1) != NULL;
}

static bool wait_for_greeting(struct ds_proc *qemu, const char *log)
{
    for (int waited = 0; waited < PROBE_MS; waited += PROBE_POLL_MS) {
        struct ds_proc_exit ended;
        if (ds_proc_wait(&ended, qemu, PROBE_POLL_MS, NULL) < 0 || ended.ended)
            return log_has_greeting(log);
        if (log_has_greeting(log))
            return true;
    }
    return false;
}

static bool boots_under_kvm(struct vmm_host *h, const char *kernel)
{
    char log[VMM_PATH_LEN];
    (void)vmm_path(log, h->places->state, "accel-probe.log");
    (void)unlink(log);
    const char *const argv[] = {
        h->cfg->qemu,  "-accel",
        "kvm",         "-cpu",
        "host",        "-machine",
        "q35",         "-m",
        "512M",        "-nographic",
        "-nodefaults", "-no-user-config",
        "-action",     "reboot=shutdown",
        "-serial",     "stdio",
        "-kernel",     kernel,
        "-append",     "console=ttyS0 earlyprintk=serial panic=-1",
        NULL,
    };
    struct ds_proc_spec spec = { .argv = argv, .log_path = log, .bound = true };
    struct ds_proc qemu;
    struct ds_proc_exit ended;
    if (ds_proc_spawn(&qemu, &spec, NULL) < 0)
        return false;
    bool ran = wait_for_greeting(&qemu, log);
    if (ds_proc_stop(&ended, &qemu, 0, NULL) < 0)
        ran = false;
    ds_proc_done(&qemu);
    return ran;
}

/* What a verdict holds for: another QEMU or another host kernel may differ. */
static void verdict_key(char out[static 256], const struct vmm_host *h)
{
    struct utsname u = { 0 };
    (void)uname(&u);
    (void)snprintf(out, 256, "qemu %s, linux %.90s %.90s", h->qemu_version, u.release, u.version);
}

static bool load_verdict(bool *ret_kvm, const struct vmm_host *h, const char *key)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    if (ds_file_load(&json, vmm_path(path, h->places->state, ACCEL_FILE), SMALL_FILE, NULL) < 0)
        return false;
    yyjson_doc *doc = yyjson_read(json.p, json.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *kvm = yyjson_obj_get(root, "kvm");
    bool known = yyjson_equals_str(yyjson_obj_get(root, "for"), key) && yyjson_is_bool(kvm);
    *ret_kvm = yyjson_is_true(kvm);
    yyjson_doc_free(doc);
    return known;
}

static int save_verdict(const struct vmm_host *h, const char *key, bool ran, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    char when[21];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "for", key);
    ds_jw_bool(&w, "kvm", ran);
    ds_jw_str(&w, "probed_at", ds_clock_iso(when, ds_clock_now_s()));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, ACCEL_FILE));
    return ds_file_save(vmm_path(path, h->places->state, ACCEL_FILE), ds_buf_span(&json), 0600,
                        "vmm.accel", e);
}

static void decide(struct vmm_host *h, bool kvm, const char *reason)
{
    (void)pthread_mutex_lock(&h->lock);
    h->accel_known = true;
    h->kvm = kvm;
    (void)snprintf(h->accel_reason, sizeof h->accel_reason, "%s", reason);
    (void)pthread_mutex_unlock(&h->lock);
}

static int probe(struct vmm_host *h, const char *kernel, struct ds_error *e)
{
    char key[256];
    DS_TRY(ask_version(h, e));
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        decide(h, false, errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm cannot be opened");
        return DS_OK;
    }
    verdict_key(key, h);
    bool ran = false;
    if (load_verdict(&ran, h, key)) {
        decide(h, ran,
               ran ? "a kernel ran under KVM when it was tried"
                   : "no kernel ran under KVM when it was tried");
        return DS_OK;
    }
    ran = boots_under_kvm(h, kernel);
    decide(h, ran, ran ? "a kernel runs under KVM" : "/dev/kvm opens, but no kernel runs under it");
    return save_verdict(h, key, ran, e);
}

/* Under asking; what it decided before is its own to read. */
static int accel_asked(struct vmm_host *h, const char *kernel, struct ds_error *e)
{
    if (!h->accel_known && strcmp(h->cfg->accel, "tcg") == 0)
        decide(h, false, "the configuration says tcg");
    if (!h->accel_known)
        DS_TRY(probe(h, kernel, e));
    if (!h->kvm && strcmp(h->cfg->accel, "kvm") == 0)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_KVM_UNUSABLE, "%s", h->accel_reason);
    return DS_OK;
}

int vmm_host_accel(bool *ret_kvm, struct vmm_host *h, const char *kernel, struct ds_error *e)
{
    (void)pthread_mutex_lock(&h->asking);
    int r = accel_asked(h, kernel, e);
    bool kvm = h->kvm;
    (void)pthread_mutex_unlock(&h->asking);
    DS_TRY(r);
    *ret_kvm = kvm;
    return DS_OK;
}

const char *vmm_host_accel_text(struct vmm_host *h, char out_reason[static 160])
{
    (void)pthread_mutex_lock(&h->lock);
    const char *text = !h->accel_known ? "" : h->kvm ? "kvm" : "tcg";
    memcpy(out_reason, h->accel_reason, sizeof h->accel_reason);
    (void)pthread_mutex_unlock(&h->lock);
    return text;
}

/* Replies come one a line: the greeting, the empty result of the first command, then ours. */
static int parse_sev(uint32_t *ret_cbitpos, uint32_t *ret_reduced_bits, struct ds_span replies,
                     struct ds_error *e)
{
    struct ds_span line;
    bool found = false;
    while (!found && ds_span_line(&replies, &line)) {
        yyjson_doc *doc = yyjson_read((const char *)line.p, line.len, 0);
        yyjson_val *ret = yyjson_obj_get(yyjson_doc_get_root(doc), "return");
        yyjson_val *cbitpos = yyjson_obj_get(ret, "cbitpos");
        found = yyjson_is_uint(cbitpos);
        if (found) {
            *ret_cbitpos = (uint32_t)yyjson_get_uint(cbitpos);
            *ret_reduced_bits = (uint32_t)yyjson_get_uint(yyjson_obj_get(ret, "reduced-phys-bits"));
        }
        yyjson_doc_free(doc);
    }
    if (!found)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_KVM_UNUSABLE,
                            "QEMU finds no SEV capabilities on this host");
    return DS_OK;
}

int vmm_host_sev(uint32_t *ret_cbitpos, uint32_t *ret_reduced_bits, struct vmm_host *h,
                 struct ds_error *e)
{
    const char *const argv[] = { h->cfg->qemu,  "-machine", "none,accel=kvm", "-display", "none",
                                 "-nodefaults", "-qmp",     "stdio",          NULL };
    struct ds_proc_spec spec = { .argv = argv };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_span questions = DS_SPAN_LIT("{\"execute\":\"qmp_capabilities\"}\n"
                                           "{\"execute\":\"query-sev-capabilities\"}\n"
                                           "{\"execute\":\"quit\"}\n");
    DS_TRY(ds_proc_run(&out, &spec, questions, SMALL_FILE, 30000, e));
    return parse_sev(ret_cbitpos, ret_reduced_bits, ds_buf_span(&out), e);
}
