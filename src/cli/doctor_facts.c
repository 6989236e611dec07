/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at this machine. Nothing here changes anything, starts a daemon or
 * judges what it sees; what cannot be read counts as not there.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/compose.h"
#include "cli/daemons.h"
#include "cli/doctor.h"

#define SMALL_MAX   ((size_t)64 << 10)
#define CPUINFO_MAX ((size_t)8 << 20)
#define ASK_MS      30000
#define QGS_WAIT_S  2
#define HELLO_PORT  8080
/* linux/kvm.h of Debian 13 does not have it yet. */
#define KVM_CAP_VM_TYPES_NUMBER 235

/* The text of a file with a NUL behind it; "" where it cannot be read. */
static const char *read_text(struct ds_buf *ret, const char *path, size_t max)
{
    ds_buf_clear(ret);
    if (ds_file_load(ret, path, max, NULL) < 0)
        ds_buf_clear(ret);
    return ret->p != NULL && ret->len > 0 ? ret->p : "";
}

/* "11.1.3 (Debian ...)", "6.18.0+deb13": the first two numbers. */
static void parse_version(unsigned *ret_major, unsigned *ret_minor, const char *text)
{
    static const char digits[] = "0123456789";
    uint64_t major, minor;
    size_t n = strspn(text, digits);
    const char *rest = text + n + (text[n] == '.');
    if (ds_str_u64(&major, DS_SPAN(text, n), 100000, NULL) < 0 ||
        ds_str_u64(&minor, DS_SPAN(rest, strspn(rest, digits)), 100000, NULL) < 0)
        return;
    *ret_major = (unsigned)major;
    *ret_minor = (unsigned)minor;
}

/* A program at one of the usual places. */
static bool has_program(const char *name)
{
    static const char *const dirs[] = { "/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin" };
    char path[256];
    for (size_t i = 0; i < DS_LEN(dirs); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void gather_tools(struct doctor_facts *f)
{
    static const char *const argv[] = { "qemu-system-x86_64", "--version", NULL };
    static const char mark[] = "version ";
    const struct ds_proc_spec spec = { .argv = argv };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    char path[DS_PLACE_MAX];
    if (ds_proc_run(&out, &spec, DS_SPAN_LIT(""), SMALL_MAX, ASK_MS, NULL) == DS_OK &&
        out.p != NULL && strstr(out.p, mark) != NULL)
        parse_version(&f->qemu_major, &f->qemu_minor, strstr(out.p, mark) + strlen(mark));
    f->has_qemu_img = has_program("qemu-img");
    f->has_compose = compose_program_find() != NULL;
    f->has_passt = has_program("passt");
    f->has_relay = ds_place_program(path, "vmm", "dstack-relay", NULL) == DS_OK;
    f->has_simtee = ds_place_program(path, "simtee", "dstack-simtee", NULL) == DS_OK;
}

static enum doctor_device look_at(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENXIO || errno == ENODEV ? DOCTOR_ABSENT : DOCTOR_DENIED;
    (void)close(fd);
    return DOCTOR_OPENS;
}

static bool has_flag(const char *cpuinfo, const char *flag)
{
    const char *line = strstr(cpuinfo, "\nflags");
    size_t line_len = line != NULL ? strcspn(line + 1, "\n") + 1 : 0, len = strlen(flag);
    const char *end = line != NULL ? line + line_len : NULL;
    for (const char *at = line != NULL ? strstr(line, flag) : NULL; at != NULL && at < end;
         at = strstr(at + 1, flag))
        if (at[-1] == ' ' && (at[len] == ' ' || at[len] == '\n' || at[len] == '\0'))
            return true;
    return false;
}

static void gather_cpu(struct doctor_facts *f)
{
    static const char vendor_mark[] = "vendor_id\t: ";
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    const char *cpuinfo = read_text(&text, "/proc/cpuinfo", CPUINFO_MAX);
    const char *vendor = strstr(cpuinfo, vendor_mark);
    if (vendor != NULL) {
        vendor += strlen(vendor_mark);
        (void)snprintf(f->cpu_vendor, sizeof f->cpu_vendor, "%.*s", (int)strcspn(vendor, "\n"),
                       vendor);
    }
    f->cpu_has_virt = has_flag(cpuinfo, "vmx") || has_flag(cpuinfo, "svm");
    f->cpu_has_tdx = has_flag(cpuinfo, "tdx_host_platform");
    f->cpu_has_snp = has_flag(cpuinfo, "sev_snp");
}

static char read_flag(const char *path)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    char c = read_text(&text, path, SMALL_MAX)[0];
    if (c == 'Y' || c == '1')
        return 'Y';
    if (c == '\0')
        return '\0';
    return 'N';
}

static void gather_kernel(struct doctor_facts *f)
{
    struct utsname u = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    (void)uname(&u);
    parse_version(&f->kernel_major, &f->kernel_minor, u.release);
    (void)snprintf(f->kernel_cmdline, sizeof f->kernel_cmdline, "%s",
                   read_text(&text, "/proc/cmdline", SMALL_MAX));
    f->kvm_tdx = read_flag("/sys/module/kvm_intel/parameters/tdx");
    f->kvm_snp = read_flag("/sys/module/kvm_amd/parameters/sev_snp");
}

static void gather_devices(struct doctor_facts *f)
{
    f->kvm = look_at("/dev/kvm");
    f->sgx_enclave = look_at("/dev/sgx_enclave");
    f->sgx_provision = look_at("/dev/sgx_provision");
    f->sev = look_at("/dev/sev");
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int types = fd >= 0 ? ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES_NUMBER) : 0;
    f->kvm_vm_types = types > 0 ? (uint32_t)types : 0;
    if (fd >= 0)
        (void)close(fd);
}

static void gather_kvm_verdict(struct doctor_facts *f, const struct cli *cli)
{
    char path[DS_PLACE_MAX + 32];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    (void)snprintf(path, sizeof path, "%s/vmm/accel.json", cli->state);
    const char *json = read_text(&text, path, SMALL_MAX); /* sets text.len, and so comes first */
    yyjson_doc *doc = yyjson_read(json, text.len, 0);
    yyjson_val *kvm = yyjson_obj_get(yyjson_doc_get_root(doc), "kvm");
    if (yyjson_is_bool(kvm))
        f->kvm_tried = yyjson_is_true(kvm) ? DOCTOR_RAN : DOCTOR_DID_NOT_RUN;
    yyjson_doc_free(doc);
}

static void gather_sev_firmware(struct doctor_facts *f)
{
    struct sev_user_data_status status = { 0 };
    struct sev_issue_cmd cmd = { .cmd = SEV_PLATFORM_STATUS, .data = (uintptr_t)&status };
    int fd = f->sev == DOCTOR_OPENS ? open("/dev/sev", O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (ioctl(fd, SEV_ISSUE_CMD, &cmd) == 0) {
        f->sev_major = status.api_major;
        f->sev_minor = status.api_minor;
    }
    (void)close(fd);
}

/* What QEMU itself says to query-sev-capabilities; asked only on processors that have SNP. */
static void gather_sev_capabilities(struct doctor_facts *f)
{
    static const char *const argv[] = {
        "qemu-system-x86_64", "-machine", "none,accel=kvm", "-display", "none",
        "-nodefaults",        "-qmp",     "stdio",          NULL
    };
    static const char mark[] = "\"desc\": \"";
    const struct ds_proc_spec spec = { .argv = argv };
    const struct ds_span questions = DS_SPAN_LIT("{\"execute\":\"qmp_capabilities\"}\n"
                                                 "{\"execute\":\"query-sev-capabilities\"}\n"
                                                 "{\"execute\":\"quit\"}\n");
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_error e = { 0 };
    if (!f->cpu_has_snp)
        return;
    if (ds_proc_run(&out, &spec, questions, SMALL_MAX, ASK_MS, &e) < 0) {
        (void)snprintf(f->sev_refusal, sizeof f->sev_refusal, "%.150s", e.msg);
        return;
    }
    const char *desc = out.p != NULL ? strstr(out.p, mark) : NULL;
    if (desc != NULL)
        (void)snprintf(f->sev_refusal, sizeof f->sev_refusal, "%.*s",
                       (int)strcspn(desc + strlen(mark), "\""), desc + strlen(mark));
}

static void gather_qgs(struct doctor_facts *f)
{
    const struct sockaddr_vm host = { .svm_family = AF_VSOCK,
                                      .svm_cid = VMADDR_CID_HOST,
                                      .svm_port = DOCTOR_QGS_PORT };
    const struct timeval wait = { .tv_sec = QGS_WAIT_S };
    f->has_qgs_socket = ds_file_exists("/var/run/tdx-qgs/qgs.socket");
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &wait, sizeof wait) == 0)
        f->qgs_answers = connect(fd, (const struct sockaddr *)&host, sizeof host) == 0;
    (void)close(fd);
}

static void gather_images(struct doctor_facts *f, const struct cli *cli)
{
    DIR *dir = opendir(cli->images);
    if (dir == NULL)
        return;
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char path[DS_PLACE_MAX + 300];
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        (void)snprintf(path, sizeof path, "%s/%s/metadata.json", cli->images, d->d_name);
        if (d->d_name[0] == '.' || !ds_file_exists(path))
            continue;
        f->n_images++;
        const char *json = read_text(&text, path,
                                     SMALL_MAX); /* sets text.len, and so comes first */
        yyjson_doc *doc = yyjson_read(json, text.len, 0);
        if (yyjson_is_str(yyjson_obj_get(yyjson_doc_get_root(doc), "bios-sev")))
            f->has_sev_firmware = true;
        yyjson_doc_free(doc);
    }
    (void)closedir(dir);
}

static void gather_room(struct doctor_facts *f, const struct cli *cli)
{
    static const char mark[] = "MemAvailable:";
    struct statvfs vfs;
    struct timex t = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    f->has_state = statvfs(cli->state, &vfs) == 0;
    if (f->has_state)
        f->disk_free_mib = (uint64_t)vfs.f_bavail * vfs.f_frsize >> 20;
    const char *line = strstr(read_text(&text, "/proc/meminfo", SMALL_MAX), mark);
    uint64_t kib = 0;
    if (line != NULL) {
        line += strlen(mark);
        line += strspn(line, " ");
        if (ds_str_u64(&kib, DS_SPAN(line, strcspn(line, " ")), UINT64_MAX >> 12, NULL) < 0)
            kib = 0;
    }
    f->memory_free_mib = kib >> 10;
    f->now_s = ds_clock_now_s();
    f->is_clock_synced = adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0;
}

static bool is_port_free(uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    /* As QEMU does: a connection that lingers is nobody's port. */
    bool is_free = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                   bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    (void)close(fd);
    return is_free;
}

static void add_port(struct doctor_facts *f, uint64_t number, const char *vm)
{
    if (f->n_ports == DOCTOR_PORTS_MAX || number == 0 || number > UINT16_MAX)
        return;
    struct doctor_port *p = &f->ports[f->n_ports++];
    *p = (struct doctor_port){ .number = (uint16_t)number,
                               .is_free = is_port_free((uint16_t)number) };
    (void)snprintf(p->vm, sizeof p->vm, "%.60s", vm);
}

/* Ports of VMs that stand still; one that runs has its own. *ret_hello: a VM has hello's port. */
static void add_vm_ports(struct doctor_facts *f, bool *ret_hello, yyjson_val *vm)
{
    yyjson_val *ports = yyjson_obj_get(yyjson_obj_get(vm, "configuration"), "ports"), *p;
    bool runs = strcmp(cli_text(vm, "status"), "running") == 0;
    size_t i, n;
    yyjson_arr_foreach(ports, i, n, p)
    {
        uint64_t number = yyjson_get_uint(yyjson_obj_get(p, "host_port"));
        *ret_hello = *ret_hello || number == HELLO_PORT;
        if (!runs && strcmp(cli_text(p, "protocol"), "tcp") == 0)
            add_port(f, number, cli_text(vm, "name"));
    }
}

static void gather_daemons(struct doctor_facts *f, struct cli *cli)
{
    DS_AUTO(cli_doc_free) yyjson_doc *meta = NULL;
    DS_AUTO(cli_doc_free) yyjson_doc *kms = NULL;
    DS_AUTO(cli_doc_free) yyjson_doc *status = NULL;
    struct ds_error ignored;
    bool has_hello = false;
    if (cli_vmm_call(&meta, cli, "GetMeta", DS_SPAN_LIT(""), &ignored) == DS_OK)
        (void)snprintf(f->machine, sizeof f->machine, "%.15s",
                       cli_text(yyjson_doc_get_root(meta), "machine"));
    if (cli_kms_call(&kms, cli, "GetMeta", DS_SPAN_LIT(""), &ignored) == DS_OK)
        (void)snprintf(f->kms_kind, sizeof f->kms_kind, "%.15s",
                       cli_text(yyjson_doc_get_root(kms), "birth_kind"));
    if (cli_vmm_call(&status, cli, "Status", DS_SPAN_LIT(""), &ignored) == DS_OK) {
        yyjson_val *vms = yyjson_obj_get(yyjson_doc_get_root(status), "vms"), *vm;
        size_t i, n;
        yyjson_arr_foreach(vms, i, n, vm) { add_vm_ports(f, &has_hello, vm); }
    }
    if (!has_hello)
        add_port(f, HELLO_PORT, "");
    cli->reasons = (struct ds_verdict){ 0 }; /* of daemons that do not run */
}

void doctor_gather(struct doctor_facts *ret, struct cli *cli)
{
    struct doctor_facts *f = ret;
    *f = (struct doctor_facts){ 0 };
    gather_tools(f);
    gather_cpu(f);
    gather_kernel(f);
    gather_devices(f);
    gather_kvm_verdict(f, cli);
    gather_sev_firmware(f);
    gather_sev_capabilities(f);
    gather_qgs(f);
    gather_images(f, cli);
    gather_room(f, cli);
    gather_daemons(f, cli);
}
