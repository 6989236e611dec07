/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's configuration in dstack's form, with static addresses beside it.
 */
#include "vmm/sysconfig.h"

#include "codec/json_write.h"

/* Fields that are left out at their default stay out: the text is hashed by clients of the
 * reference's form. */
int vmm_vm_config_encode(struct ds_buf *ret, const struct vmm_sys_config *c, struct ds_error *e)
{
    const struct vmm_manifest *m = c->m;
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_u64(&w, "spec_version", 1);
    ds_jw_str(&w, "os_image_hash", c->image->digest);
    ds_jw_u64(&w, "cpu_count", m->vcpu);
    ds_jw_u64(&w, "memory_size", (uint64_t)m->memory_mib << 20);
    if (c->qemu_version[0] != '\0')
        ds_jw_str(&w, "qemu_version", c->qemu_version);
    ds_jw_u64(&w, "pci_hole64_size", 0);
    ds_jw_bool(&w, "hugepages", false);
    ds_jw_u64(&w, "num_gpus", 0);
    ds_jw_u64(&w, "num_nvswitches", 0);
    if (m->internet)
        ds_jw_u64(&w, "num_nics", 2);
    if (m->n_volumes > 0)
        ds_jw_u64(&w, "num_verity_volumes", m->n_volumes);
    ds_jw_bool(&w, "hotplug_off", false);
    ds_jw_str(&w, "image", m->image);
    ds_jw_str(&w, "host_share_mode", "tar");
    if (c->image->ovmf_variant[0] != '\0')
        ds_jw_str(&w, "ovmf_variant", c->image->ovmf_variant);
    if (c->measurement.len > 0)
        ds_jw_raw(&w, m->machine->has_host_data ? "sev_snp_measurement" : "tdx_measurement",
                  c->measurement);
    ds_jw_text(&w, "mr_config", c->mr_config);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "vm_config");
}

static void put_urls(struct ds_jw *w, const char *key, const struct vmm_urls *urls)
{
    ds_jw_array(w, key);
    for (size_t i = 0; i < urls->n; i++)
        ds_jw_str(w, NULL, urls->url[i]);
    ds_jw_array_end(w);
}

/* The i-th KMS answers at the i-th forwarded address, whatever it is called outside. */
static void put_kms_urls(struct ds_jw *w, const struct vmm_sys_config *c)
{
    size_t n = c->m->kms_urls.n > 0 ? c->m->kms_urls.n : 1;
    ds_jw_array(w, "kms_urls");
    for (size_t i = 0; c->wants_kms && i < n; i++) {
        char url[48];
        (void)snprintf(url, sizeof url, "https://10.0.2.%zu:8001", 101 + i);
        ds_jw_str(w, NULL, url);
    }
    ds_jw_array_end(w);
}

/* Addresses behind those of the key services, as vmm/launch.c counts them. */
static void put_registries(struct ds_jw *w, const struct vmm_sys_config *c)
{
    size_t n_kms = !c->wants_kms ? 0 : c->m->kms_urls.n > 0 ? c->m->kms_urls.n : 1;
    ds_jw_array(w, "registries");
    for (size_t i = 0; i < c->m->n_registries; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "10.0.2.%zu", 101 + n_kms + i);
        ds_jw_object(w, NULL);
        ds_jw_str(w, "host", c->m->registries[i].host);
        ds_jw_str(w, "address", address);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void put_network(struct ds_jw *w, const struct vmm_sys_config *c)
{
    ds_jw_object(w, "network");
    ds_jw_array(w, "nics");
    ds_jw_object(w, NULL);
    ds_jw_str(w, "mac", c->mac[0]);
    ds_jw_str(w, "address", "10.0.2.15/24");
    ds_jw_str(w, "gateway", "10.0.2.2");
    ds_jw_object_end(w);
    if (c->m->internet) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "mac", c->mac[1]);
        ds_jw_str(w, "address", "10.0.3.15/24");
        ds_jw_str(w, "gateway", "10.0.3.2");
        ds_jw_bool(w, "default", true);
        ds_jw_str(w, "dns", "10.0.3.3");
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
    ds_jw_object_end(w);
}

int vmm_sys_config_encode(struct ds_buf *ret, const struct vmm_sys_config *c, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf vm_config = { 0 };
    DS_TRY(vmm_vm_config_encode(&vm_config, c, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    put_kms_urls(&w, c);
    put_urls(&w, "gateway_urls", &c->m->gateway_urls);
    put_registries(&w, c);
    ds_jw_str(&w, "pccs_url", "");
    ds_jw_str(&w, "docker_registry", "");
    ds_jw_str(&w, "host_api_url", "");
    ds_jw_text(&w, "vm_config", ds_buf_span(&vm_config));
    ds_jw_text(&w, "mr_config", c->mr_config);
    put_network(&w, c);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, ".sys-config.json");
}
