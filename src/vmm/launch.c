/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One launch, step by step. launch.json is written before QEMU starts (with the
 * launch id) and again when its pid is known, so that whatever point the daemon
 * dies at, its next life finds the process.
 */
#include "vmm/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "app/mr_config.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/rand.h"
#include "net/target.h"
#include "simtee/control.h"
#include "vmm/image.h"
#include "vmm/port.h"
#include "vmm/sock.h"
#include "vmm/sysconfig.h"

#define SIMTEE_DIR    "tee"
#define QEMU_LOCK     "qemu.lock" /* QEMU inherits it, held: it is free when no QEMU lives */
#define FD_FIRST      10 /* numbers of the sealed files in QEMU; one of simtee's control socket */
#define LAUNCH_MS     60000
#define QEMU_START_MS 20000
#define QEMU_POLL_MS  50
#define LOG_TAIL_MAX  ((size_t)1 << 20)

/* Everything a launch needs, gathered before anything is started. */
struct plan {
    struct vmm_host *h;
    const struct vmm_manifest *m;
    const char *dir;
    struct vmm_image image;
    char qemu_version[32];
    char mac[2][18];
    bool kvm, wants_kms;
    struct ds_buf mr_document;
    uint8_t mrconfigid48[48], host_data32[32];
    char targets[VMM_RELAYS_MAX][DS_PLACE_MAX];
    uint16_t target_ports[VMM_RELAYS_MAX];
    size_t n_targets;
    struct vmm_launch launch;
    char file_paths[SIMTEE_FILE_COUNT][32]; /* /proc/self/fd/N, where simtee sealed the files */
    int fds[SIMTEE_FILE_COUNT];
};

static void plan_done(struct plan *p)
{
    ds_buf_done(&p->mr_document);
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        if (p->fds[i] >= 0)
            (void)close(p->fds[i]);
}

void vmm_launched_done(struct vmm_launched *l)
{
    ds_proc_done(&l->qemu);
    ds_proc_done(&l->simtee);
    *l = VMM_LAUNCHED_NONE;
}

/* host-api 1.6: the first address comes from the id, others from "id:i". */
int vmm_launch_mac(char ret[static 18], const char *vm_id, size_t i, struct ds_error *e)
{
    char text[VMM_ID_LEN + 8];
    uint8_t hash32[32];
    (void)snprintf(text, sizeof text, i == 0 ? "%s" : "%s:%zu", vm_id, i);
    DS_TRY(ds_hash(DS_SHA256, hash32, ds_span_str(text), e));
    vmm_qemu_mac(ret, hash32);
    return DS_OK;
}

static int make_launch_id(struct plan *p, struct ds_error *e)
{
    uint8_t random[VMM_LAUNCH_ID_LEN / 2];
    DS_TRY(ds_rand(random, sizeof random, e));
    (void)ds_hex_encode(p->launch.id, DS_SPAN_OF(random));
    return DS_OK;
}

/* What the host commits to: the identity of the app that this VM may run. */
static int commit_to_app(struct plan *p, const struct app_compose *app, struct ds_span text,
                         struct ds_error *e)
{
    uint8_t app_id20[APP_ID_LEN];
    struct app_mr_config c = {
        .app_id = DS_SPAN_OF(app_id20),
        .key_provider = app->key_provider,
        .key_provider_id = app->key_provider_id,
    };
    DS_TRY(ds_hex_decode(app_id20, sizeof app_id20, ds_span_str(p->m->app_id), e));
    DS_TRY(app_compose_hash(c.compose_hash32, text, e));
    DS_TRY(app_mr_config_encode(&p->mr_document, &c, e));
    DS_TRY(app_mr_config_digest(p->host_data32, ds_buf_span(&p->mr_document), e));
    p->wants_kms = app->key_provider == APP_KEY_PROVIDER_KMS;
    return app_mr_config_id(p->mrconfigid48, ds_buf_span(&p->mr_document), e);
}

static int read_app(struct plan *p, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_TRY(ds_file_load(&text, vmm_path(path, p->dir, vmm_share_rows[VMM_SHARE_APP_COMPOSE].name),
                        APP_COMPOSE_MAX, e));
    size_t cap = text.len + APP_COMPOSE_MEM;
    DS_AUTO(ds_auto_free) void *mem = malloc(cap);
    DS_AUTO(ds_auto_free) struct app_compose *app = calloc(1, sizeof *app);
    if (mem == NULL || app == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "app-compose.json");
    struct ds_arena arena = ds_arena_of(mem, cap);
    DS_TRY(app_compose_parse(app, &arena, ds_buf_span(&text), e));
    return commit_to_app(p, app, ds_buf_span(&text), e);
}

/* A KMS outside is reached by address: its name plays no part, since its key is pinned. */
static int resolve(char out[static DS_PLACE_MAX], const char *url, struct ds_error *e)
{
    struct net_target t;
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    char host[64];
    DS_TRY(net_target_parse(&t, url, e));
    int r = getaddrinfo(t.host, t.port, &hints, &list);
    if (r == 0)
        r = getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, NULL, 0,
                        NI_NUMERICHOST);
    if (list != NULL)
        freeaddrinfo(list);
    if (r != 0)
        return ds_fail(e, DS_ERR_UNAVAILABLE, "resolve '%s': %s", t.host, gai_strerror(r));
    (void)snprintf(out, DS_PLACE_MAX, "tcp:%s:%s", host, t.port);
    return DS_OK;
}

static int add_kms_targets(struct plan *p, struct ds_error *e)
{
    if (!p->wants_kms)
        return DS_OK;
    for (size_t i = 0; i < p->m->kms_urls.n; i++)
        DS_TRY(resolve(p->targets[p->n_targets++], p->m->kms_urls.url[i], e));
    if (p->n_targets > 0)
        return DS_OK;
    memcpy(p->targets[0], p->h->places->kms_target, sizeof p->targets[0]);
    p->n_targets = 1;
    return DS_OK;
}

/* Registries stand behind the key services; vmm/sysconfig.c counts the same way. */
static int find_targets(struct plan *p, struct ds_error *e)
{
    DS_TRY(add_kms_targets(p, e));
    for (size_t i = 0; i < p->m->n_registries; i++) {
        p->target_ports[p->n_targets] = p->m->registries[i].port;
        (void)snprintf(p->targets[p->n_targets++], DS_PLACE_MAX, "tcp:%s",
                       p->m->registries[i].target);
    }
    if (p->n_targets > 0 && p->h->places->relay[0] == '\0')
        return ds_fail(e, DS_ERR_NOTFOUND, "the program dstack-relay is not installed");
    return DS_OK;
}

static int check_ports(const struct plan *p, struct ds_error *e)
{
    for (size_t i = 0; i < p->m->n_ports; i++)
        DS_TRY(vmm_port_check(&p->m->ports[i], e));
    return DS_OK;
}

static int check_volumes(const struct plan *p, struct ds_error *e)
{
    for (size_t i = 0; i < p->m->n_volumes; i++)
        if (access(p->m->volumes[i], R_OK) != 0)
            return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_VMM_VOLUME_NOT_FOUND, "volume '%s'",
                                p->m->volumes[i]);
    return DS_OK;
}

static int share_files(struct plan *p, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf measurement = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    bool have;
    DS_TRY(vmm_image_measurement(&measurement, &have, p->h->places->images, p->m->image,
                                 p->m->machine->has_host_data ? "snp" : "tdx", e));
    struct vmm_sys_config c = {
        .m = p->m,
        .image = &p->image,
        .mac = { p->mac[0], p->mac[1] },
        .qemu_version = p->qemu_version,
        .mr_config = ds_buf_span(&p->mr_document),
        .measurement = have ? ds_buf_span(&measurement) : (struct ds_span){ 0 },
        .wants_kms = p->wants_kms,
    };
    DS_TRY(vmm_sys_config_encode(&json, &c, e));
    return vmm_dir_share(p->dir, ds_buf_span(&json), e);
}

static int prepare(struct plan *p, struct ds_error *e)
{
    p->launch.started_at_ms = ds_clock_now_s() * 1000;
    DS_TRY(vmm_image_load(&p->image, p->h->places->images, p->m->image, p->m->machine, e));
    DS_TRY(make_launch_id(p, e));
    DS_TRY(vmm_launch_mac(p->mac[0], p->m->id, 0, e));
    DS_TRY(vmm_launch_mac(p->mac[1], p->m->id, 1, e));
    DS_TRY(read_app(p, e));
    DS_TRY(find_targets(p, e));
    DS_TRY(check_volumes(p, e));
    DS_TRY(check_ports(p, e));
    if (!p->m->machine->has_qemu)
        return share_files(p, e);
    DS_TRY(vmm_host_qemu_version(p->qemu_version, p->h, e));
    if (p->m->machine->cpu_tcg == NULL)
        p->kvm = true;
    else
        DS_TRY(vmm_host_accel(&p->kvm, p->h, p->image.kernel, e));
    p->launch.kvm = p->kvm;
    DS_TRY(share_files(p, e));
    return vmm_dir_disk(p->dir, p->m->disk_gib, p->h->cfg->qemu_img, e);
}

static void kill_now(struct ds_proc *p)
{
    struct ds_proc_exit ended;
    /* By its descriptor in any case: the number may be another's by then. */
    if (p->pidfd >= 0 && ds_proc_stop(&ended, p, 0, NULL) < 0)
        (void)(ds_proc_kill(p, SIGKILL, NULL) == DS_OK);
}

/* Start the helper with its control socket; the caller has the other end at once. */
static int start_simtee(struct ds_proc *ret, int *ret_control, struct vmm_host *h, const char *dir,
                        struct ds_error *e)
{
    char tee_dir[VMM_PATH_LEN];
    char log[VMM_PATH_LEN];
    char fd_text[16];
    DS_AUTO(ds_auto_close) int listener = -1;
    if (h->places->simtee_program[0] == '\0')
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_VMM_SIMTEE_MISSING,
                            "no program dstack-simtee beside dstack-vmm");
    (void)vmm_path(tee_dir, dir, SIMTEE_DIR);
    (void)snprintf(fd_text, sizeof fd_text, "%d", FD_FIRST);
    DS_TRY(simtee_control_listen(&listener, tee_dir, e));
    const char *const argv[] = { h->places->simtee_program, "--dir",        tee_dir, "--state",
                                 h->places->simtee,         "--control-fd", fd_text, NULL };
    struct ds_proc_fd fds[] = { { listener, FD_FIRST } };
    struct ds_proc_spec spec = {
        .argv = argv,
        .log_path = vmm_path(log, dir, VMM_FILE_SIMTEE_LOG),
        .fds = fds,
        .n_fds = DS_LEN(fds),
        .session = true,
    };
    struct ds_proc proc = { .pidfd = -1 };
    DS_TRY(ds_proc_spawn(&proc, &spec, e));
    int r = simtee_control_connect(ret_control, tee_dir, e);
    if (r < 0) {
        kill_now(&proc);
        ds_proc_done(&proc);
        return r;
    }
    *ret = proc;
    return DS_OK;
}

static int measure_launch(struct plan *p, int control, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct simtee_spec *spec = calloc(1, sizeof *spec);
    struct simtee_registers regs;
    uint64_t qemu_major;
    if (spec == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "launch spec");
    DS_TRY(
        ds_str_u64(&qemu_major, DS_SPAN(p->qemu_version, strcspn(p->qemu_version, ".")), 1000, e));
    spec->shape = (struct measure_shape){
        .qemu_major = (uint32_t)qemu_major,
        .vcpus = p->m->vcpu,
        .memory_bytes = (uint64_t)p->m->memory_mib << 20,
        .n_nics = p->m->internet ? 2 : 1,
        .n_volumes = (uint32_t)p->m->n_volumes,
    };
    memcpy(spec->mrconfigid48, p->mrconfigid48, sizeof spec->mrconfigid48);
    if (!ds_str_copy(spec->launch_id, sizeof spec->launch_id, p->launch.id) ||
        !ds_str_copy(spec->firmware, sizeof spec->firmware, p->image.firmware) ||
        !ds_str_copy(spec->kernel, sizeof spec->kernel, p->image.kernel) ||
        !ds_str_copy(spec->initrd, sizeof spec->initrd, p->image.initrd) ||
        !ds_str_copy(spec->cmdline, sizeof spec->cmdline, p->image.cmdline))
        return ds_fail(e, DS_ERR_RANGE, "a path of image '%s' is too long", p->image.name);
    DS_TRY(simtee_control_launch(p->fds, &regs, control, spec, LAUNCH_MS, e));
    for (int i = 0; i < SIMTEE_FILE_COUNT; i++)
        (void)snprintf(p->file_paths[i], sizeof p->file_paths[i], "/proc/self/fd/%d", FD_FIRST + i);
    return DS_OK;
}

static int make_args(struct vmm_args *ret, const struct plan *p, struct ds_error *e)
{
    bool sealed = p->m->machine->has_simtee;
    struct vmm_qemu_spec spec = {
        .machine = p->m->machine,
        .kvm = p->kvm,
        .qemu = p->h->cfg->qemu,
        .firmware = sealed ? p->file_paths[SIMTEE_FILE_FIRMWARE] : p->image.firmware,
        .kernel = sealed ? p->file_paths[SIMTEE_FILE_KERNEL] : p->image.kernel,
        .initrd = sealed ? p->file_paths[SIMTEE_FILE_INITRD] : p->image.initrd,
        .cmdline = p->image.cmdline,
        .rootfs = p->image.rootfs,
        .vcpus = p->m->vcpu,
        .memory_mib = p->m->memory_mib,
        .mac = { p->mac[0], p->mac[1] },
        .internet = p->m->internet,
        .relay = p->h->places->relay,
        .n_targets = p->n_targets,
        .ports = p->m->ports,
        .n_ports = p->m->n_ports,
        .n_volumes = p->m->n_volumes,
        .qgs_port = (uint16_t)p->h->cfg->qgs_port,
    };
    for (size_t i = 0; i < p->n_targets; i++)
        spec.targets[i] = p->targets[i];
    memcpy(spec.target_ports, p->target_ports, sizeof spec.target_ports);
    for (size_t i = 0; i < p->m->n_volumes; i++)
        spec.volumes[i] = p->m->volumes[i];
    memcpy(spec.mrconfigid48, p->mrconfigid48, sizeof spec.mrconfigid48);
    memcpy(spec.host_data32, p->host_data32, sizeof spec.host_data32);
    if (p->m->machine->has_host_data)
        DS_TRY(vmm_host_sev(&spec.cbitpos, &spec.reduced_phys_bits, p->h, e));
    return vmm_qemu_args(ret, &spec, e);
}

/* The last line QEMU said is nearly always the reason. */
static int fail_launch(const char *dir, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    struct ds_span line;
    char last[200] = "it said nothing";
    if (ds_file_load(&log, vmm_path(path, dir, VMM_FILE_QEMU_LOG), LOG_TAIL_MAX, NULL) == DS_OK) {
        struct ds_span rest = ds_buf_span(&log);
        while (ds_span_line(&rest, &line))
            if (line.len > 0)
                (void)snprintf(last, sizeof last, "%.*s", (int)(line.len < 190 ? line.len : 190),
                               (const char *)line.p);
    }
    return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_LAUNCH_FAILED, "QEMU ended at once: %s",
                        last);
}

/* QEMU makes its sockets after it has taken its command line: then it runs. */
static int wait_until_up(struct ds_proc *qemu, const char *dir, struct ds_error *e)
{
    for (int waited = 0; waited < QEMU_START_MS; waited += QEMU_POLL_MS) {
        struct ds_proc_exit ended;
        DS_AUTO(ds_auto_close) int fd = -1;
        if (vmm_sock_connect(&fd, dir, VMM_FILE_QMP, NULL) == DS_OK)
            return DS_OK;
        DS_TRY(ds_proc_wait(&ended, qemu, QEMU_POLL_MS, e));
        if (ended.ended)
            return fail_launch(dir, e);
    }
    return ds_fail_code(e, DS_ERR_TIMEOUT, DS_CODE_VMM_LAUNCH_FAILED,
                        "QEMU made no QMP socket within %d s", QEMU_START_MS / 1000);
}

static int spawn_qemu(struct ds_proc *ret, const struct plan *p, const struct vmm_args *args,
                      struct ds_error *e)
{
    char log[VMM_PATH_LEN];
    char qmp[VMM_PATH_LEN];
    char lock_path[VMM_PATH_LEN];
    DS_AUTO(ds_auto_close) int lock = -1;
    struct ds_proc_fd fds[SIMTEE_FILE_COUNT + 1];
    for (int i = 0; i < SIMTEE_FILE_COUNT; i++)
        fds[i + 1] = (struct ds_proc_fd){ .from = p->fds[i], .to = FD_FIRST + i };
    int r = ds_file_lock(&lock, vmm_path(lock_path, p->dir, QEMU_LOCK), e);
    if (r < 0)
        return ds_wrap(e, r, "a QEMU of this VM is running already");
    fds[0] = (struct ds_proc_fd){ .from = lock, .to = FD_FIRST + SIMTEE_FILE_COUNT };
    struct ds_proc_spec spec = {
        .argv = (const char *const *)args->v,
        .cwd = p->dir,
        .log_path = vmm_path(log, p->dir, VMM_FILE_QEMU_LOG),
        .fds = fds,
        .n_fds = p->m->machine->has_simtee ? DS_LEN(fds) : 1,
        .session = true,
    };
    /* A socket of an earlier run would answer for this one. */
    if (unlink(vmm_path(qmp, p->dir, VMM_FILE_QMP)) != 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "remove '%s'", qmp);
    (void)unlink(log);
    r = ds_proc_spawn(ret, &spec, e);
    if (r == DS_ERR_NOTFOUND)
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_VMM_QEMU_MISSING, "no program '%s'",
                            p->h->cfg->qemu);
    return r;
}

static int serve_tee(int control, const char *dir, struct ds_error *e)
{
    char socket[VMM_PATH_LEN];
    return simtee_control_serve(control, vmm_path(socket, dir, VMM_FILE_TEE), QEMU_START_MS, e);
}

static int run_qemu(struct vmm_launched *l, struct plan *p, int control, struct ds_error *e)
{
    struct vmm_args args = { 0 };
    DS_TRY(make_args(&args, p, e));
    int r = vmm_dir_save_launch(p->dir, &l->launch, &args, e);
    if (r == DS_OK) {
        DS_FAULT("vmm.launch.spawn");
        r = spawn_qemu(&l->qemu, p, &args, e);
    }
    if (r == DS_OK) {
        DS_FAULT("vmm.launch.spawned");
        l->launch.qemu = l->qemu.id;
        r = vmm_dir_save_launch(p->dir, &l->launch, &args, e);
    }
    vmm_args_done(&args);
    DS_TRY(r);
    DS_TRY(wait_until_up(&l->qemu, p->dir, e));
    return p->m->machine->has_simtee ? serve_tee(control, p->dir, e) : DS_OK;
}

static int start_machine(struct vmm_launched *l, struct plan *p, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int control = -1;
    if (p->m->machine->has_simtee) {
        DS_TRY(start_simtee(&l->simtee, &control, p->h, p->dir, e));
        DS_TRY(measure_launch(p, control, e));
        p->launch.simtee = l->simtee.id;
    }
    l->launch = p->launch;
    return run_qemu(l, p, control, e);
}

static int start_planned(struct vmm_launched *ret, struct plan *p, struct ds_error *e)
{
    DS_TRY(prepare(p, e));
    struct vmm_launched l = VMM_LAUNCHED_NONE;
    int r;
    if (p->m->machine->has_qemu) {
        r = start_machine(&l, p, e);
    } else {
        l.launch = p->launch;
        r = vmm_dir_save_launch(p->dir, &l.launch, NULL, e);
    }
    if (r < 0) {
        kill_now(&l.qemu);
        kill_now(&l.simtee);
        vmm_launched_done(&l);
        return r;
    }
    l.is_running = true;
    *ret = l;
    return DS_OK;
}

int vmm_launch_start(struct vmm_launched *ret, struct vmm_host *h, const struct vmm_manifest *m,
                     const char *dir, struct ds_error *e)
{
    struct plan *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "launch");
    *p = (struct plan){ .h = h, .m = m, .dir = dir };
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        p->fds[i] = -1;
    int r = start_planned(ret, p, e);
    plan_done(p);
    free(p);
    return r;
}

int vmm_launch_resume_simtee(struct ds_proc *ret, struct vmm_host *h, const char *dir,
                             const struct vmm_launch *launch, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int control = -1;
    struct ds_proc proc = { .pidfd = -1 };
    struct simtee_registers regs;
    DS_TRY(start_simtee(&proc, &control, h, dir, e));
    int r = simtee_control_resume(&regs, control, launch->id, LAUNCH_MS, e);
    if (r == DS_OK)
        r = serve_tee(control, dir, e);
    struct vmm_launch next = *launch;
    next.simtee = proc.id;
    if (r == DS_OK)
        r = vmm_dir_save_launch(dir, &next, NULL, e);
    if (r < 0) {
        kill_now(&proc);
        ds_proc_done(&proc);
        return r;
    }
    *ret = proc;
    return DS_OK;
}

static void kill_owner(int fd)
{
    struct ds_proc qemu = { .pidfd = -1 };
    qemu.id.pid = vmm_sock_owner(fd);
    qemu.pidfd = qemu.id.pid > 1 ? pidfd_open(qemu.id.pid, 0) : -1;
    kill_now(&qemu);
    ds_proc_done(&qemu);
}

/* A QEMU that was started and is not recorded (any more) holds the lock, and soon answers on its QMP
 * socket. */
static int end_unrecorded(const char *dir, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    (void)vmm_path(path, dir, QEMU_LOCK);
    for (int waited = 0; waited < QEMU_START_MS; waited += QEMU_POLL_MS) {
        DS_AUTO(ds_auto_close) int lock = -1;
        DS_AUTO(ds_auto_close) int fd = -1;
        int r = ds_file_lock(&lock, path, e);
        if (r != DS_ERR_EXISTS)
            return r;
        if (vmm_sock_connect(&fd, dir, VMM_FILE_QMP, NULL) == DS_OK)
            kill_owner(fd);
        (void)poll(NULL, 0, QEMU_POLL_MS);
    }
    return ds_fail_code(e, DS_ERR_TIMEOUT, DS_CODE_VMM_LAUNCH_FAILED,
                        "a QEMU of an earlier start still runs, and cannot be found");
}

/* The helper of a QEMU that is gone has nothing left to do. */
static void end_simtee(const struct vmm_launch *launch)
{
    struct ds_proc simtee = { .pidfd = -1 };
    if (launch->simtee.pid != 0 && ds_proc_open(&simtee, &launch->simtee, NULL) == DS_OK)
        kill_now(&simtee);
    ds_proc_done(&simtee);
}

int vmm_launch_end(const char *dir, struct ds_error *e)
{
    struct vmm_launch launch;
    struct ds_proc qemu = { .pidfd = -1 };
    vmm_dir_load_launch(&launch, dir);
    if (launch.qemu.pid == 0)
        DS_TRY(end_unrecorded(dir, e));
    else if (ds_proc_open(&qemu, &launch.qemu, NULL) == DS_OK)
        kill_now(&qemu);
    ds_proc_done(&qemu);
    end_simtee(&launch);
    return DS_OK;
}

static int adopt_simtee(struct vmm_launched *l, struct vmm_host *h, const char *dir,
                        struct ds_error *e)
{
    char tee_dir[VMM_PATH_LEN];
    DS_AUTO(ds_auto_close) int control = -1;
    if (l->launch.simtee.pid != 0 && ds_proc_open(&l->simtee, &l->launch.simtee, NULL) == DS_OK) {
        DS_TRY(simtee_control_connect(&control, vmm_path(tee_dir, dir, SIMTEE_DIR), e));
        return serve_tee(control, dir, e);
    }
    DS_TRY(vmm_launch_resume_simtee(&l->simtee, h, dir, &l->launch, e));
    l->launch.simtee = l->simtee.id;
    return DS_OK;
}

int vmm_launch_adopt(struct vmm_launched *ret, struct vmm_host *h, const struct vmm_manifest *m,
                     const char *dir, struct ds_error *e)
{
    struct vmm_launched l = VMM_LAUNCHED_NONE;
    *ret = l;
    vmm_dir_load_launch(&l.launch, dir);
    if (!m->machine->has_qemu) {
        l.is_running = l.launch.id[0] != '\0';
        *ret = l;
        return DS_OK;
    }
    if (l.launch.qemu.pid == 0)
        DS_TRY(end_unrecorded(dir, e));
    if (l.launch.qemu.pid == 0 || ds_proc_open(&l.qemu, &l.launch.qemu, NULL) < 0) {
        end_simtee(&l.launch);
        return DS_OK;
    }
    int r = m->machine->has_simtee ? adopt_simtee(&l, h, dir, e) : DS_OK;
    if (r < 0) {
        kill_now(&l.qemu);
        kill_now(&l.simtee);
        vmm_launched_done(&l);
        return ds_wrap(e, r, "the running VM had to be ended");
    }
    l.is_running = true;
    *ret = l;
    return DS_OK;
}
