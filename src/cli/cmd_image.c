/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack image ls|measure: the images of this machine, and what a VM that boots
 * one of them must measure.
 */
#include <stddef.h>
#include <string.h>

#include "app/vm_config.h"
#include "base/file.h"
#include "base/hex.h"
#include "cli/daemons.h"
#include "codec/json_write.h"
#include "measure/measure.h"

#define DOC_MAX 4096

struct opts {
    bool json;
    uint64_t vcpu, memory_mib, nics, volumes;
};

static const struct ds_arg_option options[] = {
    CLI_U64(vcpu, "vcpu", 0, "N", 512, "virtual CPUs (2)"),
    CLI_U64(memory_mib, "memory", 'm', "MIB", 1 << 24, "memory in MiB (3072)"),
    CLI_U64(nics, "nics", 0, "N", 8, "network cards (1)"),
    CLI_U64(volumes, "volumes", 0, "N", 16, "volumes (0)"),
    CLI_JSON,
};

const struct ds_arg_command cmd_image_args = {
    .name = "dstack image",
    .summary = "list or measure guest images",
    .operands = "ls | measure IMAGE",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack image measure dstack-0.1.0 --vcpu 4 --memory 4096",
};

static int list(struct cli *cli, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_TRY(cli_vmm_ensure(cli, e));
    yyjson_val *images, *image;
    size_t i, n;
    DS_TRY(cli_vmm_list(&doc, &images, cli, "ListImages", "images", e));
    if (cli->json)
        return cli_list_print(images, e);
    ds_buf_printf(&out, "%-24s %-10s %-64s\n", "NAME", "VERSION", "OS IMAGE HASH");
    yyjson_arr_foreach(images, i, n, image)
    {
        cli_plain_add(&out, cli_text(image, "name"), 24);
        ds_buf_char(&out, ' ');
        cli_plain_add(&out, cli_text(image, "version"), 10);
        ds_buf_char(&out, ' ');
        cli_plain_add(&out, cli_text(image, "os_image_hash"), 64);
        ds_buf_char(&out, '\n');
    }
    DS_TRY(ds_buf_end(&out, e, "list of images"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}

static int predict(struct measure_tdx *ret, const struct cli *cli, const char *name,
                   const struct opts *o, struct ds_error *e)
{
    char path[DS_PLACE_MAX + 160];
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    struct measure_image image;
    struct measure_acpi acpi;
    const struct measure_shape shape = { .qemu_major = 11,
                                         .vcpus = (uint32_t)o->vcpu,
                                         .memory_bytes = o->memory_mib << 20,
                                         .n_nics = (uint32_t)o->nics,
                                         .n_volumes = (uint32_t)o->volumes };
    if (strchr(name, '/') != NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_IMAGE, "image", "a name", name, NULL);
    (void)snprintf(path, sizeof path, "%s/%.100s/measurement.tdx.cbor", cli->images, name);
    int r = ds_file_load(&doc, path, DOC_MAX, e);
    if (r == DS_ERR_NOTFOUND)
        return ds_refuse(e, r, DS_CODE_CLI_NO_IMAGE, "image", "one that 'dstack image ls' lists",
                         name, cli->images);
    DS_TRY(r);
    DS_TRY(measure_image_parse(&image, ds_buf_span(&doc), e));
    DS_TRY(measure_acpi_find(&acpi, &shape, e));
    return measure_tdx_predict(ret, &image, &shape, &acpi, e);
}

static void print_text(struct ds_buf *out, const struct measure_tdx *t)
{
    ds_buf_printf(out, "mrtd   %s\n", DS_HEX(DS_SPAN_OF(t->mrtd48)));
    for (unsigned i = 0; i < 3; i++)
        ds_buf_printf(out, "rtmr%u  %s\n", i, DS_HEX(DS_SPAN_OF(t->rtmr48[i])));
    for (size_t i = 0; i < t->n_events; i++)
        ds_buf_printf(out, "  rtmr%u %-24s %s\n", t->events[i].imr, t->events[i].name,
                      DS_HEX(DS_SPAN_OF(t->events[i].digest48)));
}

static void print_json(struct ds_buf *out, const struct measure_tdx *t)
{
    static const char *const names[] = { "rtmr0", "rtmr1", "rtmr2" };
    struct ds_jw w = ds_jw_of(out);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "mrtd", DS_SPAN_OF(t->mrtd48));
    for (unsigned i = 0; i < 3; i++)
        ds_jw_hex(&w, names[i], DS_SPAN_OF(t->rtmr48[i]));
    ds_jw_array(&w, "events");
    for (size_t i = 0; i < t->n_events; i++) {
        ds_jw_object(&w, NULL);
        ds_jw_u64(&w, "imr", t->events[i].imr);
        ds_jw_str(&w, "name", t->events[i].name);
        ds_jw_hex(&w, "digest", DS_SPAN_OF(t->events[i].digest48));
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    ds_buf_char(out, '\n');
}

static int measure(struct cli *cli, const char *name, const struct opts *o, struct ds_error *e)
{
    struct measure_tdx t;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_TRY(predict(&t, cli, name, o, e));
    if (cli->json)
        print_json(&out, &t);
    else
        print_text(&out, &t);
    DS_TRY(ds_buf_end(&out, e, "measurement"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}

int cmd_image(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { .vcpu = 2, .memory_mib = 3072, .nics = 1 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_image_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    if (strcmp(rest.v[0], "ls") == 0 && rest.n == 1)
        return list(cli, e);
    if (strcmp(rest.v[0], "measure") == 0 && rest.n == 2)
        return measure(cli, rest.v[1], &o, e);
    return ds_fail_code(e, DS_ERR_ARG, DS_CODE_CLI_NO_COMMAND,
                        "dstack image takes 'ls' or 'measure IMAGE'");
}
