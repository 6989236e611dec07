/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of configuration keys.
 */
#include "vmm/cfg.h"

#include <stddef.h>

#define AT(field) offsetof(struct vmm_cfg, field)

/* vmm_path asserts that there is room behind them: for "/vms/<uuid>/<name>", and for a name. */
#define STATE_LEN_MAX (DS_PLACE_MAX - 128)
#define DIR_LEN_MAX   (DS_PLACE_MAX - VMM_NAME_MAX - 2)

static const char *const machine_choices[] = { "auto", "simulated", "tdx", "snp", "null", NULL };
static const char *const accel_choices[] = { "auto", "kvm", "tcg", NULL };

/* clang-format off */
static const struct ds_cfg_key keys[] = {
    { .key = "listen", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(listen),
      .help = "where the RPC answers: unix:/path; empty: vmm.sock in the state directory" },
    { .key = "state_dir", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(state_dir),
      .help = "VMs and what is known of the host; empty: vmm/ in dstack's state directory" },
    { .key = "image_dir", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(image_dir),
      .help = "guest images; empty: images/ in dstack's state directory" },
    { .key = "volume_dir", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(volume_dir),
      .help = "verity volumes that apps may name; empty: volumes/ in state_dir" },
    { .key = "kms_socket", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(kms_socket),
      .help = "the KMS of VMs that name none: a unix socket; empty: the local one" },
    { .key = "machine", .kind = DS_CFG_CHOICE, .choices = machine_choices, .preset = "auto",
      .offset = AT(machine), .help = "kind of machine for VMs; auto: what the hardware gives" },
    { .key = "accel", .kind = DS_CFG_CHOICE, .choices = accel_choices, .preset = "auto",
      .offset = AT(accel),
      .help = "auto: boots a kernel under KVM for a moment, once, and remembers whether it ran" },
    { .key = "qemu", .kind = DS_CFG_TEXT, .preset = "qemu-system-x86_64", .min = 1,
      .offset = AT(qemu), .help = "the QEMU program" },
    { .key = "qemu_img", .kind = DS_CFG_TEXT, .preset = "qemu-img", .min = 1,
      .offset = AT(qemu_img), .help = "the program that makes disks" },
    { .key = "qgs_port", .kind = DS_CFG_U64, .preset = "4050", .min = 1, .max = 65535,
      .offset = AT(qgs_port), .help = "vsock port of the TDX quote generation service" },
    { .key = "limits.vcpu", .kind = DS_CFG_U64, .preset = "64", .min = 1, .max = 255,
      .offset = AT(vcpu_max), .help = "most processors of one VM" },
    { .key = "limits.memory", .kind = DS_CFG_U64, .unit = "MiB", .preset = "1048576", .min = 256,
      .max = 1u << 24, .offset = AT(memory_max_mib), .help = "most memory of one VM" },
    { .key = "limits.disk", .kind = DS_CFG_U64, .unit = "GiB", .preset = "16384", .min = 1,
      .max = 1u << 20, .offset = AT(disk_max_gib), .help = "largest data disk of one VM" },
    { .key = "limits.vms", .kind = DS_CFG_U64, .preset = "1000", .min = 1, .max = 100000,
      .offset = AT(vms_max), .help = "most VMs" },
    { .key = "restart.enabled", .kind = DS_CFG_BOOL, .preset = "true", .offset = AT(restart),
      .help = "start a VM again that ended without being asked to" },
    { .key = "restart.retries", .kind = DS_CFG_U64, .preset = "5", .max = 1000,
      .offset = AT(restart_retries), .help = "how often in a row" },
    { .key = "restart.backoff", .kind = DS_CFG_U64, .unit = "s", .preset = "5", .min = 0,
      .max = 3600, .offset = AT(restart_backoff_s), .help = "wait before the first; then doubled" },
    { .key = "restart.backoff_max", .kind = DS_CFG_U64, .unit = "s", .preset = "300", .min = 0,
      .max = 86400, .offset = AT(restart_backoff_max_s), .help = "longest wait" },
    { .key = "restart.healthy", .kind = DS_CFG_U64, .unit = "s", .preset = "300", .min = 1,
      .max = 86400, .offset = AT(restart_healthy_s),
      .help = "a VM that ran this long starts counting anew" },
    { .key = "log.max_bytes", .kind = DS_CFG_U64, .unit = "bytes", .preset = "4194304",
      .min = 65536, .max = (uint64_t)1 << 32, .offset = AT(log_max_bytes),
      .help = "a log of a VM (console, QEMU, helper) past this is cut; one older part is kept" },
    { .key = "stop_grace", .kind = DS_CFG_U64, .unit = "s", .preset = "10", .min = 0, .max = 600,
      .offset = AT(stop_grace_s), .help = "from asking QEMU to end until it is killed" },
};
/* clang-format on */

const struct ds_cfg_schema vmm_cfg_schema = {
    .program = "dstack-vmm",
    .keys = keys,
    .n_keys = DS_LEN(keys),
};

static int put(char ret[static DS_PLACE_MAX], struct ds_error *e, const char *a, const char *b)
{
    int n = snprintf(ret, DS_PLACE_MAX, "%s%s", a, b);
    if (n < 0 || n >= DS_PLACE_MAX)
        return ds_fail(e, DS_ERR_RANGE, "the path '%.100s…%s' is too long", a, b);
    return DS_OK;
}

static bool is_set(const char *text) { return text != NULL && text[0] != '\0'; }

/* Absolute, since QEMU runs in another directory than we do. */
static int check_place(const char *key, const char *path, size_t len_max, struct ds_error *e)
{
    if (path[0] != '/' || strlen(path) > len_max)
        return ds_fail(e, DS_ERR_RANGE, "%s '%.100s' must be absolute and at most %zu bytes long",
                       key, path, len_max);
    return DS_OK;
}

static int find_state(struct vmm_places *p, const struct vmm_cfg *cfg, struct ds_error *e)
{
    char state[DS_PLACE_MAX];
    DS_TRY(ds_place_state(state, e));
    DS_TRY(is_set(cfg->state_dir) ? put(p->state, e, cfg->state_dir, "")
                                  : put(p->state, e, state, "/vmm"));
    DS_TRY(check_place("state_dir", p->state, STATE_LEN_MAX, e));
    DS_TRY(put(p->simtee, e, state, "/simtee"));
    if (is_set(cfg->kms_socket)) {
        DS_TRY(check_place("kms_socket", cfg->kms_socket, DIR_LEN_MAX, e));
        return put(p->kms_target, e, "unix:", cfg->kms_socket);
    }
    DS_TRY(put(p->kms_target, e, "unix:", state));
    char base[DS_PLACE_MAX];
    DS_TRY(put(base, e, p->kms_target, ""));
    return put(p->kms_target, e, base, "/kms/kms.sock");
}

int vmm_places_find(struct vmm_places *ret, const struct vmm_cfg *cfg, struct ds_error *e)
{
    struct vmm_places p = { 0 };
    DS_TRY(find_state(&p, cfg, e));
    DS_TRY(put(p.vms, e, p.state, "/vms"));
    DS_TRY(is_set(cfg->image_dir) ? put(p.images, e, cfg->image_dir, "")
                                  : ds_place_images(p.images, e));
    DS_TRY(is_set(cfg->volume_dir) ? put(p.volumes, e, cfg->volume_dir, "")
                                   : put(p.volumes, e, p.state, "/volumes"));
    DS_TRY(check_place("image_dir", p.images, DIR_LEN_MAX, e));
    DS_TRY(check_place("volume_dir", p.volumes, DIR_LEN_MAX, e));
    if (is_set(cfg->listen)) {
        DS_TRY(put(p.listen, e, cfg->listen, ""));
    } else {
        char socket[DS_PLACE_MAX];
        DS_TRY(put(socket, e, p.state, "/vmm.sock"));
        DS_TRY(put(p.listen, e, "unix:", socket));
    }
    /* What needs them says so when it is needed. */
    if (ds_place_program(p.relay, "vmm", "dstack-relay", NULL) < 0)
        p.relay[0] = '\0';
    if (ds_place_program(p.simtee_program, "simtee", "dstack-simtee", NULL) < 0)
        p.simtee_program[0] = '\0';
    *ret = p;
    return DS_OK;
}
