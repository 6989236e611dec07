/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateVm's and UpdateVm's parameters against this host: each refusal by its
 * code with nothing taken, and what a good request becomes.
 */
#include "kit.h"

#include "vmm/request.h"

struct rig {
    struct kit *kit;
    struct vmm vmm;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    void *kit = NULL;
    if (r == NULL || kit_setup(&kit) != 0)
        return -1;
    r->kit = kit;
    *state = r;
    r->vmm.cfg.vms_max = 2;
    r->vmm.limits = (struct vmm_limits){ 4, 4096, 10 };
    r->vmm.host.platform = vmm_machine_find("null");
    (void)snprintf(r->vmm.places.images, sizeof r->vmm.places.images, "%s/images", r->kit->dir);
    (void)snprintf(r->vmm.places.volumes, sizeof r->vmm.places.volumes, "%s/volumes", r->kit->dir);
    kit_image(r->kit, "i", KIT_METADATA);
    kit_mkdir(r->kit, "volumes");
    kit_put(r->kit, "volumes/here.vol", "x", 0600);
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    void *kit = r->kit;
    free(r);
    return kit_teardown(&kit);
}

#define APP(more)                                                                               \
    "{\\\"manifest_version\\\":2,\\\"name\\\":\\\"a\\\",\\\"runner\\\":\\\"docker-compose\\\"," \
    "\\\"docker_compose_file\\\":\\\"services: {}\\\"" more "}"
#define REQUEST(app, more)                                                       \
    "{\"name\":\"n\",\"image\":\"i\",\"vcpu\":1,\"memory\":512,\"disk_size\":1," \
    "\"compose_file\":\"" app "\"" more "}"

static int parse(struct vm_request *ret, struct rig *r, struct vmm_vm *vm, const char *json,
                 struct ds_error *e)
{
    yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
    assert_non_null(doc);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int got = vm != NULL ? vmm_request_update(ret, vm, root, e)
                         : vmm_request_create(ret, &r->vmm, root, e);
    yyjson_doc_free(doc);
    return got;
}

static void test_a_good_one(void **state)
{
    struct rig *r = *state;
    struct vm_request rq;
    assert_int_equal(parse(&rq, r, NULL,
                           REQUEST(APP(), ",\"encrypted_env\":\"0x00ff\","
                                          "\"user_config\":\"u\""),
                           NULL),
                     DS_OK);
    assert_true(vmm_id_is_valid(ds_span_str(rq.m.id)));
    assert_int_equal(rq.m.id[14], '4');
    assert_memory_equal(rq.m.app_id, rq.compose_hash, 40);
    assert_true(rq.started);
    assert_int_equal(rq.encrypted_env_len, 2);
    assert_int_equal(rq.encrypted_env[1], 0xff);
    assert_string_equal(rq.user_config, "u");
    vm_request_done(&rq);
    assert_int_equal(parse(&rq, r, NULL, REQUEST(APP(), ",\"stopped\":true"), NULL), DS_OK);
    assert_false(rq.started);
    vm_request_done(&rq);
}

static const struct {
    const char *claim, *json;
    enum ds_code code;
} refused[] = {
    { "no compose file",
      "{\"name\":\"n\",\"image\":\"i\",\"vcpu\":1,\"memory\":512,\"disk_size\":1}",
      DS_CODE_VMM_VALUE_RANGE },
    { "a compose file that is no JSON", REQUEST("x", ""), DS_CODE_APP_COMPOSE_FORMAT },
    { "an image that is not there",
      "{\"name\":\"n\",\"image\":\"j\",\"vcpu\":1,\"memory\":512,\"disk_size\":1,\"compose_file\":\"" APP() "\"}",
      DS_CODE_VMM_IMAGE_NOT_FOUND },
    { "more processors than this host gives",
      "{\"name\":\"n\",\"image\":\"i\",\"vcpu\":5,\"memory\":512,\"disk_size\":1,\"compose_file\":\"" APP() "\"}",
      DS_CODE_VMM_VALUE_RANGE },
    { "keys of a provider that is not offered",
      REQUEST(APP(",\\\"key_provider\\\":\\\"tpm\\\""), ""), DS_CODE_VMM_FIELD_UNSUPPORTED },
    { "a volume that is not there",
      REQUEST(APP(",\\\"image_volumes\\\":[{\\\"source\\\":\\\"no.vol\\\",\\\"image\\\":\\\"a\\\","
                  "\\\"data_blocks\\\":1,\\\"verity_root\\\":"
                  "\\\"0000000000000000000000000000000000000000000000000000000000000000\\\"}]"),
              ""),
      DS_CODE_VMM_VOLUME_NOT_FOUND },
    { "a volume outside the directory",
      REQUEST(APP(",\\\"image_volumes\\\":[{\\\"source\\\":\\\"../images/i/bzImage\\\","
                  "\\\"image\\\":\\\"a\\\",\\\"data_blocks\\\":1,\\\"verity_root\\\":"
                  "\\\"0000000000000000000000000000000000000000000000000000000000000000\\\"}]"),
              ""),
      DS_CODE_APP_COMPOSE_FORMAT },
    { "a volume whose name QEMU would read on from",
      REQUEST(APP(",\\\"image_volumes\\\":[{\\\"source\\\":\\\"a,b\\\","
                  "\\\"image\\\":\\\"a\\\",\\\"data_blocks\\\":1,\\\"verity_root\\\":"
                  "\\\"0000000000000000000000000000000000000000000000000000000000000000\\\"}]"),
              ""),
      DS_CODE_VMM_NAME_INVALID },
};

static void test_refused(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < DS_LEN(refused); i++) {
        struct vm_request rq = { 0 };
        struct ds_error e = { 0 };
        if (parse(&rq, r, NULL, refused[i].json, &e) >= 0 || e.code != refused[i].code)
            fail_msg("%s: %s %s", refused[i].claim, ds_code_info_get(e.code)->id, e.msg);
        assert_null(rq.app_compose);
    }
}

static void test_volume(void **state)
{
    struct rig *r = *state;
    struct vm_request rq;
    char want[VMM_PATH_LEN];
    const char *json =
        REQUEST(APP(",\\\"image_volumes\\\":[{\\\"source\\\":\\\"here.vol\\\",\\\"image\\\":"
                    "\\\"a\\\",\\\"data_blocks\\\":1,\\\"verity_root\\\":"
                    "\\\"0000000000000000000000000000000000000000000000000000000000000000\\\"}]"),
                "");
    assert_int_equal(parse(&rq, r, NULL, json, NULL), DS_OK);
    assert_int_equal(rq.m.n_volumes, 1);
    assert_string_equal(rq.m.volumes[0], kit_path(want, r->kit, "volumes/here.vol"));
    vm_request_done(&rq);
}

#define PORT(n) ",\"ports\":[{\"protocol\":\"tcp\",\"host_port\":" n ",\"vm_port\":80}]"

static void test_ports(void **state)
{
    struct rig *r = *state;
    struct vm_request rq;
    struct ds_error e = { 0 };
    assert_int_equal(parse(&rq, r, NULL, REQUEST(APP(), PORT("0")), NULL), DS_OK);
    uint16_t number = rq.m.ports[0].host_port;
    assert_int_not_equal(number, 0);
    struct vmm_vm other = { .vmm = &r->vmm, .m = rq.m };
    struct vmm_vm *list[] = { &other };
    vm_request_done(&rq);
    r->vmm.vms = list;
    r->vmm.n_vms = 1;
    (void)snprintf(other.m.name, sizeof other.m.name, "the other");
    char json[1000];
    (void)snprintf(json, sizeof json, REQUEST(APP(), PORT("%u")), number);
    assert_int_equal(parse(&rq, r, NULL, json, &e), DS_ERR_EXISTS);
    assert_int_equal(e.code, DS_CODE_VMM_PORT_TAKEN);
    assert_non_null(strstr(e.detail.got, "which VM 'the other' publishes"));
    /* Its own port is no obstacle to an update of that VM. */
    (void)snprintf(json, sizeof json, "{\"update_ports\":true" PORT("%u") "}", number);
    assert_int_equal(parse(&rq, r, &other, json, &e), DS_OK);
    vm_request_done(&rq);
}

/* A port that an update in the pool is about to take is taken; one that is kept is not asked for. */
static void test_ports_in_change(void **state)
{
    struct rig *r = *state;
    struct vm_request rq;
    struct ds_error e = { 0 };
    assert_int_equal(parse(&rq, r, NULL, REQUEST(APP(), PORT("0")), NULL), DS_OK);
    struct vmm_manifest becoming = rq.m;
    uint16_t number = rq.m.ports[0].host_port;
    vm_request_done(&rq);
    struct vmm_vm other = { .vmm = &r->vmm, .m = becoming, .becoming = &becoming };
    other.m.n_ports = 0;
    struct vmm_vm mine = { .vmm = &r->vmm, .m = becoming };
    struct vmm_vm *list[] = { &other };
    r->vmm.vms = list;
    r->vmm.n_vms = 1;
    char json[1000];
    (void)snprintf(json, sizeof json, REQUEST(APP(), PORT("%u")), number);
    assert_int_equal(parse(&rq, r, NULL, json, &e), DS_ERR_EXISTS);
    assert_int_equal(e.code, DS_CODE_VMM_PORT_TAKEN);
    assert_int_equal(parse(&rq, r, &mine, "{\"user_config\":\"u\"}", &e), DS_OK);
    vm_request_done(&rq);
    (void)snprintf(json, sizeof json, "{\"update_ports\":true" PORT("%u") "}", number);
    assert_int_equal(parse(&rq, r, &mine, json, &e), DS_ERR_EXISTS);
}

static void test_as_many_as_allowed(void **state)
{
    struct rig *r = *state;
    struct vm_request rq;
    struct ds_error e = { 0 };
    struct vmm_vm a = { .vmm = &r->vmm };
    struct vmm_vm *list[] = { &a, &a };
    r->vmm.vms = list;
    r->vmm.n_vms = 2;
    assert_int_equal(parse(&rq, r, NULL, REQUEST(APP(), ""), &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_VMM_BUSY);
}

static void test_update(void **state)
{
    struct rig *r = *state;
    struct vm_request rq;
    struct ds_error e = { 0 };
    assert_int_equal(parse(&rq, r, NULL, REQUEST(APP(), ""), NULL), DS_OK);
    struct vmm_vm vm = { .vmm = &r->vmm, .m = rq.m };
    memcpy(vm.compose_hash, rq.compose_hash, sizeof vm.compose_hash);
    vm_request_done(&rq);
    assert_int_equal(parse(&rq, r, &vm, "{\"memory\":1024}", NULL), DS_OK);
    assert_int_equal(rq.m.memory_mib, 1024);
    assert_string_equal(rq.m.id, vm.m.id);
    assert_string_equal(rq.compose_hash, vm.compose_hash);
    assert_null(rq.app_compose);
    vm_request_done(&rq);
    assert_int_equal(parse(&rq, r, &vm,
                           "{\"compose_file\":\"" APP(",\\\"public_logs\\\":true") "\"}", NULL),
                     DS_OK);
    assert_string_not_equal(rq.compose_hash, vm.compose_hash);
    assert_string_equal(rq.m.app_id, vm.m.app_id);
    vm_request_done(&rq);
    assert_int_equal(parse(&rq, r, &vm, "{\"memory\":1}", &e), DS_ERR_RANGE);
    assert_int_equal(e.code, DS_CODE_VMM_VALUE_RANGE);
    assert_int_equal(parse(&rq, r, &vm, "{\"image\":\"gone\"}", &e), DS_ERR_NOTFOUND);
}

int main(void)
{
#define IN_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_RIG(test_a_good_one), IN_RIG(test_refused),         IN_RIG(test_volume),
        IN_RIG(test_ports),      IN_RIG(test_ports_in_change), IN_RIG(test_as_many_as_allowed),
        IN_RIG(test_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
