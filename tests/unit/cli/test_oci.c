/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI layouts into docker-archives: the members that come out, and layouts that
 * say something that is not so.
 */
#include "cli/oci.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hex.h"
#include "codec/tar.h"
#include "crypto/hash.h"

static char dir[] = "/tmp/ds-oci-XXXXXX";
static char out[64];

static void put(const char *name, const char *text)
{
    char path[256];
    struct ds_error e;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(ds_file_save(path, ds_span_str(text), 0600, "test", &e), DS_OK);
}

/* Stores a blob and writes its digest text. */
static void put_blob(char ret[72], const char *text)
{
    uint8_t hash32[32];
    char name[96];
    struct ds_error e;
    assert_int_equal(ds_hash(DS_SHA256, hash32, ds_span_str(text), &e), DS_OK);
    (void)snprintf(ret, 72, "sha256:%.64s", DS_HEX(DS_SPAN_OF(hash32)));
    (void)snprintf(name, sizeof name, "blobs/sha256/%s", ret + 7);
    put(name, text);
}

static char config[72], layer[72], manifest[72];

/* A whole, right layout: every test begins from it. */
static void make_layout(void)
{
    char text[1024];
    put_blob(config, "{\"config\":true}");
    put_blob(layer, "a layer");
    (void)snprintf(text, sizeof text,
                   "{\"config\":{\"digest\":\"%s\"},\"layers\":[{\"digest\":\"%s\"},{\"digest\":"
                   "\"%s\"}]}",
                   config, layer, layer);
    put_blob(manifest, text);
    (void)snprintf(text, sizeof text, "{\"manifests\":[{\"digest\":\"%s\"}]}", manifest);
    put("index.json", text);
}

static void test_members(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf archive = { 0 };
    struct ds_tar_member m;
    bool more;
    make_layout();
    assert_int_equal(oci_archive_make(dir, "hello:latest", out, &e), DS_OK);
    assert_int_equal(ds_file_load(&archive, out, 1 << 20, &e), DS_OK);
    struct ds_reader r = ds_reader_of(ds_buf_span(&archive));
    assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK);
    assert_string_equal(m.name + 13, config + 7);
    assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK);
    assert_true(ds_span_eq_str(m.content, "a layer"));
    assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK); /* the same layer is there once */
    assert_string_equal(m.name, "manifest.json");
    char want[512];
    (void)snprintf(want, sizeof want,
                   "[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"hello:latest\"],\"Layers\":["
                   "\"blobs/sha256/%s\",\"blobs/sha256/%s\"]}]",
                   config + 7, layer + 7, layer + 7);
    assert_true(ds_span_eq_str(m.content, want));
    assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK);
    assert_false(more);
}

struct row {
    const char *name;
    const char *index; /* %s is the right manifest's digest */
    int err;
};

static const struct row rows[] = {
    { "no manifests", "{}", DS_ERR_FORMAT },
    { "an empty list", "{\"manifests\":[]}", DS_ERR_FORMAT },
    { "another digest's form", "{\"manifests\":[{\"digest\":\"md5:00\"}]}", DS_ERR_FORMAT },
    { "a digest with a path", "{\"manifests\":[{\"digest\":\"sha256:../../../etc/passwd\"}]}",
      DS_ERR_FORMAT },
    { "another machine",
      "{\"manifests\":[{\"digest\":\"%s\",\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"}}]}",
      DS_ERR_FORMAT },
    { "two of ours", "{\"manifests\":[{\"digest\":\"%s\"},{\"digest\":\"%s\"}]}", DS_ERR_FORMAT },
    { "a blob that is not there",
      "{\"manifests\":[{\"digest\":\"sha256:"
      "0000000000000000000000000000000000000000000000000000000000000000\"}]}",
      DS_ERR_NOTFOUND },
    { "not JSON", "manifests", DS_ERR_FORMAT },
};

static void test_bad_indexes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        char text[1024];
        make_layout();
        (void)snprintf(text, sizeof text, rows[i].index, manifest, manifest);
        put("index.json", text);
        int r = oci_archive_make(dir, "x", out, &e);
        if (r != rows[i].err)
            print_error("%s: %d %s\n", rows[i].name, r, e.msg);
        assert_int_equal(r, rows[i].err);
    }
}

static void test_changed_blobs(void **state)
{
    (void)state;
    const char *const digests[] = { config, layer, manifest };
    for (size_t i = 0; i < 3; i++) {
        struct ds_error e = { 0 };
        char name[96];
        make_layout();
        (void)snprintf(name, sizeof name, "blobs/sha256/%s", digests[i] + 7);
        put(name, "a changed blob");
        assert_int_equal(oci_archive_make(dir, "x", out, &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_CLI_OCI_INVALID);
    }
}

static int setup(void **state)
{
    (void)state;
    struct ds_error e;
    char blobs[64];
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(blobs, sizeof blobs, "%s/blobs/sha256", dir);
    (void)snprintf(out, sizeof out, "%s/archive.tar", dir);
    return ds_dir_make(blobs, 0700, &e);
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_bad_indexes),
        cmocka_unit_test(test_changed_blobs),
    };
    return cmocka_run_group_tests_name("cli/oci", tests, setup, teardown);
}
