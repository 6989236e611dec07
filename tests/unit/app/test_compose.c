/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app-compose.json: defaults, every field, and values that may not be. A row's
 * text is the middle of an object that has the required fields before it.
 */
#include "app/compose.h"
#include "unhex.h"

#define HEAD "{\"manifest_version\":\"3\",\"name\":\"hello\",\"runner\":\"docker-compose\""
#define ROOT "86e59625be93207bc2351c4d1bba20037cec8e168da6b18f559af5af657b7a23"

static max_align_t room[16384];

static int parse(struct app_compose *c, const char *text, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return app_compose_parse(c, &mem, ds_span_str(text), e);
}

static struct app_compose good(const char *members)
{
    struct ds_error e = { 0 };
    struct app_compose c;
    static char text[8192];
    (void)snprintf(text, sizeof text, "%s%s}", HEAD, members);
    int r = parse(&c, text, &e);
    if (r != DS_OK)
        fail_msg("%s: %d %s", members, r, e.msg);
    return c;
}

static void defaults(void **state)
{
    (void)state;
    struct app_compose c = good(",\"unknown_key\":{\"is\":[\"allowed\"]}");
    assert_int_equal(c.manifest_version, 3);
    assert_true(ds_span_eq_str(c.name, "hello"));
    assert_int_equal(c.runner, APP_RUNNER_DOCKER_COMPOSE);
    assert_int_equal(c.docker_compose_file.len, 0);
    assert_false(c.public_logs || c.public_sysinfo || c.gateway_enabled || c.no_instance_id);
    assert_true(c.public_tcbinfo && c.secure_time);
    assert_int_equal(c.key_provider, APP_KEY_PROVIDER_NONE);
    assert_int_equal(c.storage_fs, APP_STORAGE_DEFAULT);
    assert_int_equal(c.event_log_version, 1);
    assert_int_equal(c.n_ports + c.n_allowed_envs + c.n_verity_volumes + c.n_image_volumes, 0);
    assert_false(c.requirements.is_present || c.internet || c.allow_tags);
    assert_false(c.has_user_config_hash);
}

static void every_field(void **state)
{
    (void)state;
    struct app_compose c = good(
        ",\"docker_compose_file\":\"a:\\n\\tb\",\"bash_script\":\"x\",\"pre_launch_script\":\"y\","
        "\"init_script\":[\"one\",\"two\"],\"public_logs\":true,\"public_sysinfo\":true,"
        "\"public_tcbinfo\":false,\"gateway_enabled\":true,\"no_instance_id\":true,"
        "\"secure_time\":false,\"key_provider\":\"kms\",\"key_provider_id\":\"0A0b\","
        "\"allowed_envs\":[\"A\",\"B\"],\"storage_fs\":\"EXT4\",\"swap_size\":\"512M\","
        "\"event_log_version\":2,\"internet\":true,\"allow_tags\":true,\"user_config_hash\":\"" ROOT
        "\",\"port_policy\":{\"restrict_mode\":true,\"ports\":[{\"port\":80},{\"port\":443,\"pp\":"
        "true}]},\"requirements\":{\"os_version\":\">=0.6\",\"platforms\":[\"dstack-tdx\"],"
        "\"tdx_measure_acpi_tables\":true,\"launch_token_hash\":\"" ROOT
        "\",\"gpu_policy\":{\"attest_gpu\":false}},\"verity_volumes\":[{\"source\":\"v\","
        "\"verity_root\":\"" ROOT "\",\"target\":\"/data\"}],\"image_volumes\":[{\"image\":"
        "\"hello:latest\",\"source\":\"i\",\"verity_root\":\"" ROOT "\",\"data_blocks\":7}]");
    assert_true(ds_span_eq_str(c.docker_compose_file, "a:\n\tb"));
    assert_int_equal(c.n_init_scripts, 2);
    assert_true(ds_span_eq_str(c.init_scripts[1], "two"));
    assert_true(c.public_logs && c.public_sysinfo && c.gateway_enabled && c.no_instance_id);
    assert_false(c.public_tcbinfo || c.secure_time);
    assert_int_equal(c.key_provider, APP_KEY_PROVIDER_KMS);
    assert_hex(c.key_provider_id, "0a0b");
    assert_int_equal(c.n_allowed_envs, 2);
    assert_true(ds_span_eq_str(c.allowed_envs[1], "B"));
    assert_int_equal(c.storage_fs, APP_STORAGE_EXT4);
    assert_int_equal(c.swap_bytes, 512 << 20);
    assert_int_equal(c.event_log_version, 2);
    assert_true(c.internet && c.allow_tags && c.has_user_config_hash && c.ports_restricted);
    assert_int_equal(c.n_ports, 2);
    assert_int_equal(c.ports[1].port, 443);
    assert_true(c.ports[1].proxy_protocol && !c.ports[0].proxy_protocol);
    assert_true(c.requirements.is_present && c.requirements.has_platforms);
    assert_true(c.requirements.has_measure_acpi && c.requirements.measure_acpi);
    assert_true(c.requirements.has_launch_token);
    assert_true(ds_span_eq_str(c.requirements.gpu_policy, "{\"attest_gpu\":false}"));
    assert_true(ds_span_eq_str(c.verity_volumes[0].target, "/data"));
    assert_hex(DS_SPAN_OF(c.verity_volumes[0].verity_root32), ROOT);
    assert_true(ds_span_eq_str(c.image_volumes[0].image, "hello:latest"));
    assert_int_equal(c.image_volumes[0].data_blocks, 7);
}

static void other_spellings(void **state)
{
    (void)state;
    assert_int_equal(good(",\"kms_enabled\":true").key_provider, APP_KEY_PROVIDER_KMS);
    assert_int_equal(good(",\"local_key_provider_enabled\":true").key_provider,
                     APP_KEY_PROVIDER_LOCAL);
    assert_int_equal(good(",\"kms_enabled\":true,\"key_provider\":\"tpm\"").key_provider,
                     APP_KEY_PROVIDER_TPM);
    assert_int_equal(good(",\"kms_enabled\":true,\"key_provider\":null").key_provider,
                     APP_KEY_PROVIDER_KMS);
    assert_true(good(",\"tproxy_enabled\":true").gateway_enabled);
    assert_true(good(",\"features\":[\"kms\",\"tproxy-net\"]").gateway_enabled);
    assert_int_equal(good(",\"init_script\":\"one\"").n_init_scripts, 1);
    assert_int_equal(good(",\"init_script\":null").n_init_scripts, 0);
    assert_int_equal(good(",\"storage_fs\":\"zfs\"").storage_fs, APP_STORAGE_ZFS);
    assert_int_equal(good(",\"swap_size\":4096").swap_bytes, 4096);
    assert_int_equal(good(",\"swap_size\":\"0x1F\"").swap_bytes, 31);
    assert_int_equal(good(",\"swap_size\":\"2g\"").swap_bytes, (uint64_t)2 << 30);
    assert_int_equal(good(",\"swap_size\":\"0\"").swap_bytes, 0);
    struct app_compose c = good(",\"requirements\":{\"platforms\":[]}");
    assert_true(c.requirements.has_platforms);
    assert_int_equal(c.requirements.n_platforms, 0);
    assert_false(good(",\"requirements\":{\"platforms\":null}").requirements.has_platforms);
}

#define REG(host) "{\"host\":\"" host "\",\"ca_certificate\":\"PEM\"}"

static const struct {
    const char *name, *members;
    int want;
} refused[] = {
    { "flag as number", ",\"public_logs\":1", DS_ERR_FORMAT },
    { "flag as text", ",\"internet\":\"true\"", DS_ERR_FORMAT },
    { "script as number", ",\"init_script\":1", DS_ERR_FORMAT },
    { "six scripts", ",\"init_script\":[\"\",\"\",\"\",\"\",\"\",\"\"]", DS_ERR_FORMAT },
    { "script list with a number", ",\"init_script\":[1]", DS_ERR_FORMAT },
    { "NUL in a text", ",\"bash_script\":\"a\\u0000b\"", DS_ERR_FORMAT },
    { "unknown key provider", ",\"key_provider\":\"hsm\"", DS_ERR_FORMAT },
    { "id without provider", ",\"key_provider_id\":\"00\"", DS_ERR_FORMAT },
    { "id of a tpm", ",\"key_provider\":\"tpm\",\"key_provider_id\":\"00\"", DS_ERR_FORMAT },
    { "odd id", ",\"key_provider\":\"kms\",\"key_provider_id\":\"000\"", DS_ERR_FORMAT },
    { "envs as text", ",\"allowed_envs\":\"A\"", DS_ERR_FORMAT },
    { "envs with a number", ",\"allowed_envs\":[1]", DS_ERR_FORMAT },
    { "btrfs", ",\"storage_fs\":\"btrfs\"", DS_ERR_UNSUPPORTED },
    { "negative swap", ",\"swap_size\":-1", DS_ERR_FORMAT },
    { "fraction of swap", ",\"swap_size\":1.5", DS_ERR_FORMAT },
    { "swap without a number", ",\"swap_size\":\"G\"", DS_ERR_FORMAT },
    { "empty swap", ",\"swap_size\":\"\"", DS_ERR_FORMAT },
    { "swap in unknown units", ",\"swap_size\":\"1P\"", DS_ERR_FORMAT },
    { "bad hex swap", ",\"swap_size\":\"0xg\"", DS_ERR_FORMAT },
    { "too much swap", ",\"swap_size\":\"99999999T\"", DS_ERR_FORMAT },
    { "event log 3", ",\"event_log_version\":3", DS_ERR_FORMAT },
    { "event log as text", ",\"event_log_version\":\"1\"", DS_ERR_FORMAT },
    { "features as text", ",\"features\":\"tproxy-net\"", DS_ERR_FORMAT },
    { "port 0", ",\"port_policy\":{\"ports\":[{\"port\":0}]}", DS_ERR_FORMAT },
    { "port 65536", ",\"port_policy\":{\"ports\":[{\"port\":65536}]}", DS_ERR_FORMAT },
    { "port without number", ",\"port_policy\":{\"ports\":[{\"pp\":true}]}", DS_ERR_FORMAT },
    { "port as number", ",\"port_policy\":{\"ports\":[80]}", DS_ERR_FORMAT },
    { "policy as list", ",\"port_policy\":[]", DS_ERR_FORMAT },
    { "unknown requirement", ",\"requirements\":{\"moon\":\"full\"}", DS_ERR_UNSUPPORTED },
    { "unknown gpu policy", ",\"requirements\":{\"gpu_policy\":{\"x\":1}}", DS_ERR_UNSUPPORTED },
    { "requirements as list", ",\"requirements\":[]", DS_ERR_FORMAT },
    { "requirements null", ",\"requirements\":null", DS_ERR_FORMAT },
    { "token hash too short", ",\"requirements\":{\"launch_token_hash\":\"00\"}", DS_ERR_FORMAT },
    { "relative target",
      ",\"verity_volumes\":[{\"source\":\"v\",\"verity_root\":\"" ROOT "\",\"target\":\"d\"}]",
      DS_ERR_FORMAT },
    { "target twice",
      ",\"verity_volumes\":[{\"source\":\"v\",\"verity_root\":\"" ROOT "\",\"target\":\"/d\"},"
      "{\"source\":\"w\",\"verity_root\":\"" ROOT "\",\"target\":\"/d\"}]",
      DS_ERR_FORMAT },
    { "registries no list", ",\"registries\":{}", DS_ERR_FORMAT },
    { "three registries", ",\"registries\":[" REG("a:1") "," REG("b:1") "," REG("c:1") "]",
      DS_ERR_FORMAT },
    { "a registry twice", ",\"registries\":[" REG("a:1") "," REG("a:1") "]", DS_ERR_FORMAT },
    { "a registry without port", ",\"registries\":[" REG("a") "]", DS_ERR_FORMAT },
    { "a registry at port 0", ",\"registries\":[" REG("a:0") "]", DS_ERR_FORMAT },
    { "a registry at port 65536", ",\"registries\":[" REG("a:65536") "]", DS_ERR_FORMAT },
    { "a registry that is a path", ",\"registries\":[" REG("../a:1") "]", DS_ERR_FORMAT },
    { "a registry of two words", ",\"registries\":[" REG("a b:1") "]", DS_ERR_FORMAT },
    { "a registry of two lines", ",\"registries\":[" REG("a\\nb:1") "]", DS_ERR_FORMAT },
    { "a registry without CA", ",\"registries\":[{\"host\":\"a:1\"}]", DS_ERR_FORMAT },
    { "a registry with more", ",\"registries\":[{\"host\":\"a:1\",\"insecure\":true}]",
      DS_ERR_UNSUPPORTED },
    { "volume without root", ",\"verity_volumes\":[{\"source\":\"v\",\"target\":\"/d\"}]",
      DS_ERR_FORMAT },
    { "volume without source",
      ",\"image_volumes\":[{\"image\":\"a\",\"verity_root\":\"" ROOT "\",\"data_blocks\":1}]",
      DS_ERR_FORMAT },
    { "volume by a path",
      ",\"verity_volumes\":[{\"source\":\"/v\",\"verity_root\":\"" ROOT "\",\"target\":\"/d\"}]",
      DS_ERR_FORMAT },
    { "volume that is a directory",
      ",\"verity_volumes\":[{\"source\":\"..\",\"verity_root\":\"" ROOT "\",\"target\":\"/d\"}]",
      DS_ERR_FORMAT },
    { "image without blocks",
      ",\"image_volumes\":[{\"image\":\"a\",\"source\":\"v\",\"verity_root\":\"" ROOT "\"}]",
      DS_ERR_FORMAT },
    { "user config hash too short", ",\"user_config_hash\":\"00\"", DS_ERR_FORMAT },
    { "key twice", ",\"name\":\"again\"", DS_ERR_FORMAT },
};

static void refused_members(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(refused); i++) {
        struct ds_error e = { 0 };
        struct app_compose c;
        char text[2048];
        (void)snprintf(text, sizeof text, "%s%s}", HEAD, refused[i].members);
        int r = parse(&c, text, &e);
        if (r != refused[i].want || e.code == DS_CODE_NONE)
            fail_msg("%s: %d %s", refused[i].name, r, e.msg);
    }
}

static void refused_heads(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int want;
    } rows[] = {
        { "nothing", "", DS_ERR_TRUNCATED },
        { "no object", "[]", DS_ERR_FORMAT },
        { "bytes behind", HEAD "} x", DS_ERR_TRAILING },
        { "no version", "{\"name\":\"a\",\"runner\":\"bash\"}", DS_ERR_FORMAT },
        { "no name", "{\"manifest_version\":1,\"runner\":\"bash\"}", DS_ERR_FORMAT },
        { "no runner", "{\"manifest_version\":1,\"name\":\"a\"}", DS_ERR_FORMAT },
        { "version 0", "{\"manifest_version\":0,\"name\":\"a\",\"runner\":\"bash\"}",
          DS_ERR_FORMAT },
        { "version 3 as number", "{\"manifest_version\":3,\"name\":\"a\",\"runner\":\"bash\"}",
          DS_ERR_FORMAT },
        { "version 03", "{\"manifest_version\":\"03\",\"name\":\"a\",\"runner\":\"bash\"}",
          DS_ERR_FORMAT },
        { "version +3", "{\"manifest_version\":\"+3\",\"name\":\"a\",\"runner\":\"bash\"}",
          DS_ERR_FORMAT },
        { "version empty", "{\"manifest_version\":\"\",\"name\":\"a\",\"runner\":\"bash\"}",
          DS_ERR_FORMAT },
        { "version 4", "{\"manifest_version\":\"4\",\"name\":\"a\",\"runner\":\"bash\"}",
          DS_ERR_UNSUPPORTED },
        { "unknown runner", "{\"manifest_version\":1,\"name\":\"a\",\"runner\":\"podman\"}",
          DS_ERR_UNSUPPORTED },
        { "nerdctl before 3",
          "{\"manifest_version\":2,\"name\":\"a\",\"runner\":\"nerdctl-compose\"}",
          DS_ERR_UNSUPPORTED },
        { "two scripts before 3",
          "{\"manifest_version\":2,\"name\":\"a\",\"runner\":\"bash\",\"init_script\":[\"\",\"\"]}",
          DS_ERR_UNSUPPORTED },
        { "requirements before 3",
          "{\"manifest_version\":2,\"name\":\"a\",\"runner\":\"bash\",\"requirements\":{}}",
          DS_ERR_UNSUPPORTED },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct app_compose c;
        int r = parse(&c, rows[i].text, &e);
        if (r != rows[i].want || e.code == DS_CODE_NONE)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

static void registries_come_with_their_ca(void **state)
{
    struct ds_error e = { 0 };
    struct app_compose c;
    (void)state;
    assert_int_equal(parse(&c, HEAD ",\"registries\":[" REG("r-1.example:5000") "]}", &e), DS_OK);
    assert_int_equal(c.n_registries, 1);
    assert_true(ds_span_eq_str(c.registries[0].host, "r-1.example:5000"));
    assert_true(ds_span_eq_str(c.registries[0].ca_certificate, "PEM"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registries_come_with_their_ca),
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_field),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(refused_members),
        cmocka_unit_test(refused_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
