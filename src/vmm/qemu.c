/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of arguments for all machines. A row is an option and its value;
 * {name} in a value is replaced by what the function of that name writes. A
 * value inside a QEMU option list has its commas doubled there, so no path can
 * add an option. The order is host-api 1.5's; README.md lists where and why the
 * lines deviate.
 *
 * PCI addresses are explicit: the ACPI tables, and with them RTMR0, follow from
 * the list of devices (measure/ predicts them from the same list).
 */
#include "vmm/qemu.h"

#include <assert.h>

#include "base/hex.h"
#include "base/str.h"

#define PCI_VOLUME_0 0x8u
#define KMS_PORT     8001u

enum {
    SIM = VMM_MACHINE_SIMULATED,
    TDX = VMM_MACHINE_TDX,
    SNP = VMM_MACHINE_SNP,
    ANY = SIM | TDX | SNP,
};

struct row {
    unsigned machines;                                 /* bits of those it is for */
    size_t (*count)(const struct vmm_qemu_spec *spec); /* how often; NULL: once */
    const char *option, *value;                        /* value NULL: the option stands alone */
};

typedef void put_fn(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i);

struct name {
    const char *name;
    put_fn *put;
};

static size_t n_volumes(const struct vmm_qemu_spec *spec) { return spec->n_volumes; }
static size_t n_internet(const struct vmm_qemu_spec *spec) { return spec->internet ? 1 : 0; }

/* clang-format off */
static const struct row rows[] = {
    { ANY, NULL, "-accel", "{accel}" },
    { ANY, NULL, "-cpu", "{cpu}" },
    { ANY, NULL, "-nographic", NULL },
    { ANY, NULL, "-nodefaults", NULL },
    { ANY, NULL, "-no-user-config", NULL },
    { ANY, NULL, "-action", "reboot=shutdown" },
    { ANY, NULL, "-chardev", "file,id=com0,path=" VMM_FILE_SERIAL ",append=on" },
    { ANY, NULL, "-serial", "chardev:com0" },
    { ANY, NULL, "-qmp", "unix:" VMM_FILE_QMP ",server=on,wait=off" },
    { ANY, NULL, "-bios", "{firmware}" },
    { ANY, NULL, "-kernel", "{kernel}" },
    { ANY, NULL, "-initrd", "{initrd}" },

    { ANY, NULL, "-drive", "file={rootfs},if=none,id=hd0,format=raw,readonly=on" },
    { ANY, NULL, "-device", "virtio-blk-pci,drive=hd0,bus=pcie.0,addr=0x1,serial=root{virtio}" },
    { ANY, NULL, "-drive", "file=" VMM_FILE_DATA ",if=none,id=hd1,format=qcow2,discard=unmap" },
    { ANY, NULL, "-device", "virtio-blk-pci,drive=hd1,bus=pcie.0,addr=0x2,serial=data{virtio}" },
    { ANY, n_volumes, "-drive", "file={volume},if=none,id=vol{i},format=raw,readonly=on" },
    { ANY, n_volumes, "-device",
      "virtio-blk-pci,drive=vol{i},bus=pcie.0,addr={volume_addr},serial=vol{i}{virtio}" },

    { ANY, NULL, "-netdev",
      "user,id=net0,net=10.0.2.0/24,dhcpstart=10.0.2.15,restrict=on{hostfwd}{guestfwd}" },
    { ANY, NULL, "-device",
      "virtio-net-pci,netdev=net0,mac={mac0},bus=pcie.0,addr=0x4,romfile={virtio}" },
    { ANY, n_internet, "-netdev",
      "passt,id=net1,quiet=on,ipv6=off,address=10.0.3.15,netmask=255.255.255.0,gateway=10.0.3.2,"
      "dns-forward=10.0.3.3,map-host-loopback=none" },
    { ANY, n_internet, "-device",
      "virtio-net-pci,netdev=net1,mac={mac1},bus=pcie.0,addr=0x5,romfile={virtio}" },

    { ANY, NULL, "-smbios", "type=1,manufacturer=dstack,product=dstack" },

    { ANY, NULL, "-device", "virtio-serial-pci,id=ports,max_ports=3,bus=pcie.0,addr=0x6{virtio}" },
    { ANY, NULL, "-chardev", "socket,id=host,path=" VMM_FILE_HOST ",server=on,wait=off" },
    { ANY, NULL, "-device",
      "virtserialport,bus=ports.0,nr=1,id=" VMM_PORT_HOST_ID ",chardev=host,name=org.dstack.host" },
    { SIM, NULL, "-chardev", "socket,id=tee,path=" VMM_FILE_TEE ",server=on,wait=off" },
    { SIM, NULL, "-device",
      "virtserialport,bus=ports.0,nr=2,id=" VMM_PORT_TEE_ID ",chardev=tee,name=org.dstack.tee" },

    { ANY, NULL, "-drive", "file=" VMM_FILE_SHARED ",if=none,id=hd2,format=raw,readonly=on" },
    { ANY, NULL, "-device", "virtio-blk-pci,drive=hd2,bus=pcie.0,addr=0x3,serial=shared{virtio}" },

    { SIM, NULL, "-machine", "q35,smm=off,kernel-irqchip=split,hpet=off" },
    { TDX, NULL, "-machine", "q35,kernel-irqchip=split,confidential-guest-support=tdx,hpet=off" },
    { TDX, NULL, "-object",
      "{{\"qom-type\":\"tdx-guest\",\"id\":\"tdx\",\"mrconfigid\":\"{mrconfigid}\","
      "\"quote-generation-socket\":{{\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"{qgs_port}\"}}}}" },
    { SNP, NULL, "-object",
      "memory-backend-memfd,id=ram1,size={memory_mib}M,share=true,prealloc=false" },
    { SNP, NULL, "-object",
      "sev-snp-guest,id=sev0,policy=0x30000,sev-device=/dev/sev,kernel-hashes=on,"
      "host-data={host_data},cbitpos={cbitpos},reduced-phys-bits={reduced_phys_bits}" },
    { SNP, NULL, "-machine",
      "q35,kernel-irqchip=split,confidential-guest-support=sev0,memory-backend=ram1,hpet=off" },

    { ANY, NULL, "-smp", "{vcpus}" },
    { ANY, NULL, "-m", "{memory_mib}M" },
    { ANY, NULL, "-append", "{cmdline}" },
};
/* clang-format on */

/* QEMU's option lists end a value at a comma; a doubled comma is one comma of the value. */
static void put_listed(struct ds_buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ',')
            ds_buf_char(b, ',');
        ds_buf_char(b, *text);
    }
}

static void put_accel(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->kvm ? "kvm" : "tcg");
}

static void put_cpu(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->kvm ? spec->machine->cpu_kvm : spec->machine->cpu_tcg);
}

static void put_firmware(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->firmware);
}

static void put_kernel(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->kernel);
}

static void put_initrd(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->initrd);
}

static void put_cmdline(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->cmdline);
}

static void put_rootfs(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    put_listed(b, spec->rootfs);
}

static void put_volume(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    put_listed(b, spec->volumes[i]);
}

static void put_volume_addr(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)spec;
    ds_buf_printf(b, "0x%zx", PCI_VOLUME_0 + i);
}

static void put_i(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)spec;
    ds_buf_printf(b, "%zu", i);
}

static void put_mac0(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->mac[0]);
}

static void put_mac1(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_str(b, spec->mac[1]);
}

static void put_hostfwd(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    for (size_t k = 0; k < spec->n_ports; k++) {
        const struct vmm_port *p = &spec->ports[k];
        ds_buf_printf(b, ",hostfwd=%s:%s:%u-:%u", p->udp ? "udp" : "tcp", p->address, p->host_port,
                      p->vm_port);
    }
}

/* libslirp splits the command as a shell would: each word stands in single quotes. */
static void put_guestfwd(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    for (size_t k = 0; k < spec->n_targets; k++) {
        ds_buf_printf(b, ",guestfwd=tcp:10.0.2.%zu:%u-cmd:'", 101 + k,
                      spec->target_ports[k] != 0 ? spec->target_ports[k] : KMS_PORT);
        put_listed(b, spec->relay);
        ds_buf_str(b, "' '");
        put_listed(b, spec->targets[k]);
        ds_buf_char(b, '\'');
    }
}

/* A confidential guest shares only what it bounces: the devices must go through its IOMMU. */
static void put_virtio(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    if (spec->machine->bit == VMM_MACHINE_SNP)
        ds_buf_str(b, ",disable-legacy=on,iommu_platform=true");
}

static void put_base64(struct ds_buf *b, struct ds_span bytes)
{
    char text[DS_BASE64_LEN(48) + 1];
    ds_buf_str(b, ds_base64_encode(text, bytes));
}

static void put_mrconfigid(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    put_base64(b, DS_SPAN_OF(spec->mrconfigid48));
}

static void put_host_data(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    put_base64(b, DS_SPAN_OF(spec->host_data32));
}

static void put_qgs_port(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_printf(b, "%u", spec->qgs_port);
}

static void put_cbitpos(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_printf(b, "%u", spec->cbitpos);
}

static void put_reduced_phys_bits(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_printf(b, "%u", spec->reduced_phys_bits);
}

static void put_vcpus(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_printf(b, "%u", spec->vcpus);
}

static void put_memory_mib(struct ds_buf *b, const struct vmm_qemu_spec *spec, size_t i)
{
    (void)i;
    ds_buf_printf(b, "%u", spec->memory_mib);
}

static const struct name names[] = {
    { "accel", put_accel },
    { "cbitpos", put_cbitpos },
    { "cmdline", put_cmdline },
    { "cpu", put_cpu },
    { "firmware", put_firmware },
    { "guestfwd", put_guestfwd },
    { "host_data", put_host_data },
    { "hostfwd", put_hostfwd },
    { "i", put_i },
    { "initrd", put_initrd },
    { "kernel", put_kernel },
    { "mac0", put_mac0 },
    { "mac1", put_mac1 },
    { "memory_mib", put_memory_mib },
    { "mrconfigid", put_mrconfigid },
    { "qgs_port", put_qgs_port },
    { "reduced_phys_bits", put_reduced_phys_bits },
    { "rootfs", put_rootfs },
    { "vcpus", put_vcpus },
    { "virtio", put_virtio },
    { "volume", put_volume },
    { "volume_addr", put_volume_addr },
};

static put_fn *name_find(struct ds_span name)
{
    for (size_t i = 0; i < DS_LEN(names); i++)
        if (ds_span_eq_str(name, names[i].name))
            return names[i].put;
    return NULL;
}

/* "{{" and "}}" are braces of the value; "{name}" is replaced. */
static void expand(struct ds_buf *b, const char *value, const struct vmm_qemu_spec *spec, size_t i)
{
    for (const char *p = value; *p != '\0'; p++) {
        if ((p[0] == '{' && p[1] == '{') || (p[0] == '}' && p[1] == '}')) {
            ds_buf_char(b, *p++);
            continue;
        }
        if (*p != '{') {
            ds_buf_char(b, *p);
            continue;
        }
        size_t len = strcspn(p + 1, "}");
        put_fn *put = name_find(DS_SPAN(p + 1, len));
        assert(put != NULL && p[1 + len] == '}');
        put(b, spec, i);
        p += 1 + len;
    }
}

void vmm_args_done(struct vmm_args *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->v[i]);
    free(a->v);
    *a = (struct vmm_args){ 0 };
}

static int args_add(struct vmm_args *a, char *text, struct ds_error *e)
{
    char **grown = text != NULL ? reallocarray(a->v, a->n + 2, sizeof *grown) : NULL;
    if (grown == NULL) {
        free(text);
        return ds_fail(e, DS_ERR_NOMEM, "QEMU command line");
    }
    a->v = grown;
    a->v[a->n++] = text;
    a->v[a->n] = NULL;
    return DS_OK;
}

static int add_row(struct vmm_args *a, const struct row *row, const struct vmm_qemu_spec *spec,
                   size_t i, struct ds_error *e)
{
    DS_TRY(args_add(a, strdup(row->option), e));
    if (row->value == NULL)
        return DS_OK;
    struct ds_buf b = { 0 };
    expand(&b, row->value, spec, i);
    char *text = ds_buf_take(&b);
    ds_buf_done(&b);
    return args_add(a, text, e);
}

/* A word in single quotes can hold anything but a single quote; nothing may hold a newline. */
static int check_word(const char *text, struct ds_error *e)
{
    if (text != NULL && strpbrk(text, "'\n") == NULL)
        return DS_OK;
    return ds_fail(e, DS_ERR_ARG, "a path with a quote or a newline cannot be given to QEMU: '%s'",
                   text != NULL ? text : "(none)");
}

static int check_spec(const struct vmm_qemu_spec *spec, struct ds_error *e)
{
    if (!spec->machine->has_qemu)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "machine '%s' runs no QEMU", spec->machine->name);
    if (!spec->kvm && spec->machine->cpu_tcg == NULL)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_VMM_MACHINE_NEEDS_KVM,
                            "machine '%s' runs under KVM only", spec->machine->name);
    if (spec->n_ports > VMM_PORTS_MAX || spec->n_volumes > VMM_VOLUMES_MAX ||
        spec->n_targets > VMM_RELAYS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "%zu ports, %zu volumes, %zu relays: too many",
                       spec->n_ports, spec->n_volumes, spec->n_targets);
    DS_TRY(check_word(spec->rootfs, e));
    for (size_t i = 0; i < spec->n_volumes; i++)
        DS_TRY(check_word(spec->volumes[i], e));
    for (size_t i = 0; i < spec->n_targets; i++)
        DS_TRY(check_word(spec->targets[i], e));
    return spec->n_targets > 0 ? check_word(spec->relay, e) : DS_OK;
}

static int add_rows(struct vmm_args *a, const struct vmm_qemu_spec *spec, struct ds_error *e)
{
    DS_TRY(args_add(a, strdup(spec->qemu), e));
    for (size_t r = 0; r < DS_LEN(rows); r++) {
        /* Rows that repeat together (a drive and its device) stand next to each other. */
        if ((rows[r].machines & spec->machine->bit) == 0)
            continue;
        size_t n = rows[r].count != NULL ? rows[r].count(spec) : 1;
        size_t group = 1;
        while (rows[r].count != NULL && r + group < DS_LEN(rows) &&
               rows[r + group].count == rows[r].count)
            group++;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < group; k++)
                DS_TRY(add_row(a, &rows[r + k], spec, i, e));
        r += group - 1;
    }
    return DS_OK;
}

int vmm_qemu_args(struct vmm_args *ret, const struct vmm_qemu_spec *spec, struct ds_error *e)
{
    DS_TRY(check_spec(spec, e));
    struct vmm_args a = { 0 };
    int r = add_rows(&a, spec, e);
    if (r < 0) {
        vmm_args_done(&a);
        return r;
    }
    *ret = a;
    return DS_OK;
}

void vmm_qemu_mac(char out[static 18], const uint8_t *hash32)
{
    (void)snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", (hash32[0] & 0xfe) | 2, hash32[1],
                   hash32[2], hash32[3], hash32[4], hash32[5]);
}
