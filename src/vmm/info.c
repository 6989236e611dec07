/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VmInfo in JSON.
 */
#include "vmm/info.h"

char *vmm_info_uptime(char out[static 40], int64_t ms)
{
    static const struct {
        int64_t s;
        const char *unit;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } };
    int64_t left = ms > 0 ? ms / 1000 : 0;
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < DS_LEN(units); i++) {
        int64_t n = left / units[i].s;
        left %= units[i].s;
        if (n == 0 && !(i + 1 == DS_LEN(units) && at == 0))
            continue;
        int len = snprintf(out + at, 40 - at, "%s%lld%s", at > 0 ? " " : "", (long long)n,
                           units[i].unit);
        at += len > 0 && (size_t)len < 40 - at ? (size_t)len : 0;
    }
    return out;
}

bool vmm_info_matches(const struct vmm_vm *vm, const char *keyword)
{
    return strstr(vm->m.name, keyword) != NULL || strstr(vm->m.id, keyword) != NULL ||
           strstr(vm->m.app_id, keyword) != NULL || strstr(vm->m.image, keyword) != NULL;
}

static void put_ports(struct ds_jw *w, const struct vmm_manifest *m)
{
    ds_jw_array(w, "ports");
    for (size_t i = 0; i < m->n_ports; i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "protocol", m->ports[i].udp ? "udp" : "tcp");
        ds_jw_str(w, "host_address", m->ports[i].address);
        ds_jw_u64(w, "host_port", m->ports[i].host_port);
        ds_jw_u64(w, "vm_port", m->ports[i].vm_port);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void put_urls(struct ds_jw *w, const char *key, const struct vmm_urls *urls)
{
    ds_jw_array(w, key);
    for (size_t i = 0; i < urls->n; i++)
        ds_jw_str(w, NULL, urls->url[i]);
    ds_jw_array_end(w);
}

static void put_configuration(struct ds_jw *w, const struct vmm_vm *vm,
                              const struct vmm_info_texts *texts)
{
    ds_jw_object(w, "configuration");
    ds_jw_str(w, "name", vm->m.name);
    ds_jw_str(w, "image", vm->m.image);
    if (texts != NULL) {
        ds_jw_text(w, "compose_file", texts->compose_file);
        ds_jw_text(w, "user_config", texts->user_config);
    }
    ds_jw_u64(w, "vcpu", vm->m.vcpu);
    ds_jw_u64(w, "memory", vm->m.memory_mib);
    ds_jw_u64(w, "disk_size", vm->m.disk_gib);
    put_ports(w, &vm->m);
    ds_jw_str(w, "app_id", vm->m.app_id);
    put_urls(w, "kms_urls", &vm->m.kms_urls);
    put_urls(w, "gateway_urls", &vm->m.gateway_urls);
    ds_jw_bool(w, "stopped", !vm->started);
    ds_jw_bool(w, "no_tee", vm->m.machine->has_simtee);
    ds_jw_object_end(w);
}

static void put_interface(struct ds_jw *w, const struct vmm_vm *vm, size_t i, const char *backend)
{
    char mac[18] = "";
    char netdev[8];
    (void)snprintf(netdev, sizeof netdev, "net%zu", i);
    if (vmm_launch_mac(mac, vm->m.id, i, NULL) < 0)
        mac[0] = '\0';
    ds_jw_object(w, NULL);
    ds_jw_str(w, "mode", "user");
    ds_jw_str(w, "backend", backend);
    ds_jw_str(w, "mac", mac);
    ds_jw_str(w, "netdev_id", netdev);
    ds_jw_object_end(w);
}

static void put_interfaces(struct ds_jw *w, const struct vmm_vm *vm)
{
    ds_jw_array(w, "interfaces");
    if (vm->m.machine->has_qemu)
        put_interface(w, vm, 0, "slirp");
    if (vm->m.machine->has_qemu && vm->m.internet)
        put_interface(w, vm, 1, "passt");
    ds_jw_array_end(w);
}

static void put_machine(struct ds_jw *w, const struct vmm_vm *vm)
{
    ds_jw_str(w, "machine", vm->m.machine->name);
    if (vm->running && vm->m.machine->has_qemu)
        ds_jw_str(w, "accel", vm->run.launch.kvm ? "kvm" : "tcg");
    else
        ds_jw_null(w, "accel");
    ds_jw_i64(w, "pid", vm->running ? vm->run.launch.qemu.pid : 0);
    ds_jw_u64(w, "restarts", vm->n_restarts);
    /* Also while it is not decided yet: what ends is noted by a job. */
    ds_jw_bool(w, "restarting",
               vm->restart != NULL || (vm->started && !vm->running && vm->jobs != NULL));
}

void vmm_info_put(struct ds_jw *w, const char *key, const struct vmm_vm *vm, bool brief,
                  const struct vmm_info_texts *texts, int64_t now_ms)
{
    char uptime[40] = "";
    if (vm->running)
        (void)vmm_info_uptime(uptime, now_ms - vm->started_at_ms);
    ds_jw_object(w, key);
    ds_jw_str(w, "id", vm->m.id);
    ds_jw_str(w, "name", vm->m.name);
    ds_jw_str(w, "status", vmm_vm_status(vm));
    ds_jw_str(w, "uptime", uptime);
    ds_jw_str(w, "app_id", vm->m.app_id);
    ds_jw_str(w, "instance_id", vm->progress.instance_id);
    ds_jw_str(w, "compose_hash", vm->compose_hash);
    ds_jw_str(w, "image", vm->m.image);
    if (!brief)
        put_configuration(w, vm, texts);
    if (!vm->running && vm->exited_at_ms != 0) {
        ds_jw_i64(w, "exited_at", vm->exited_at_ms);
        ds_jw_str(w, "exit", vm->exit_text);
    }
    put_machine(w, vm);
    put_ports(w, &vm->m);
    put_interfaces(w, vm);
    vmm_progress_put(w, &vm->progress);
    ds_jw_object_end(w);
}
