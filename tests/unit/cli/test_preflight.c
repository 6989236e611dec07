/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is refused before a launch, by document, and what is not. The documents
 * are what Docker Compose prints, with ' for ".
 */
#include "cli/preflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DIGEST     "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SERVICE(x) "{'services':{'web':{" x "}}}"
#define WEB(x)     SERVICE("'image':'hello:latest'," x)
#define VOLUME(x)  WEB("'volumes':[" x "]")
#define COMMAND(x) WEB("'command':['" x "']")
#define BESIDE(x)  "{'services':{'web':{'image':'hello:latest'}}," x "}"
#define BIND(source) \
    VOLUME("{'type':'bind','source':'" source "','bind':{'create_host_path':true}}")

#define IMAGE    DS_CODE_CLI_COMPOSE_IMAGE
#define BUILD    DS_CODE_CLI_COMPOSE_BUILD
#define FILE_    DS_CODE_CLI_COMPOSE_HOST_FILE
#define VARIABLE DS_CODE_CLI_COMPOSE_VARIABLE
#define FINE     DS_CODE_NONE

struct row {
    const char *name, *document;
    enum ds_code code;
    const char *claim, *dotenv;
    bool allow_tags;
};

/* clang-format off */
static const struct row rows[] = {
    { "an image on a volume", SERVICE("'image':'hello:latest'"), FINE, "", "", false },
    { "an image by digest", SERVICE("'image':'reg.example/x" DIGEST "'"), FINE, "", "", false },
    { "an image by tag", SERVICE("'image':'nginx:1'"), IMAGE, "services.web.image", "", false },
    { "an image by tag, allowed", SERVICE("'image':'nginx:1'"), FINE, "", "", true },
    { "the second by tag", "{'services':{'a':{'image':'hello:latest'},'b':{'image':'x'}}}", IMAGE, "services.b.image", "", false },
    { "an image by variable", SERVICE("'image':'${I}'"), IMAGE, "services.web.image", "", false },
    { "no image", SERVICE("'command':['x']"), IMAGE, "services.web.image", "", false },
    { "no image, tags allowed", SERVICE("'command':['x']"), IMAGE, "services.web.image", "", true },
    { "pulled always", WEB("'pull_policy':'always'"), IMAGE, "services.web.pull_policy", "", false },
    { "built, without an image", SERVICE("'build':{'context':'.'}"), BUILD, "services.web.build", "", false },
    { "built, without an image, tags allowed", SERVICE("'build':{'context':'.'}"), BUILD, "services.web.build", "", true },
    { "built, with a tag", SERVICE("'image':'mine:1','build':{'context':'.'}"), BUILD, "services.web.build", "", false },
    { "built, with an image on a volume", WEB("'build':{'context':'.'}"), BUILD, "services.web.build", "", false },

    { "a named volume", VOLUME("{'type':'volume','source':'data','target':'/d'}"), FINE, "", "", false },
    { "an unnamed volume", VOLUME("{'type':'volume','target':'/d'}"), FINE, "", "", false },
    { "memory", VOLUME("{'type':'tmpfs','target':'/d'}"), FINE, "", "", false },
    { "the agent's socket", BIND("/var/run/dstack.sock"), FINE, "", "", false },
    { "the agent's socket, in /run", BIND("/run/dstack.sock"), FINE, "", "", false },
    { "the engine's socket", BIND("/var/run/docker.sock"), FINE, "", "", false },
    { "a device", BIND("/dev/net/tun"), FINE, "", "", false },
    { "the guest's /sys", BIND("/sys"), FINE, "", "", false },
    { "a path that begins like one", BIND("/devices"), FILE_, "services.web.volumes", "", false },
    { "a path beneath the socket", BIND("/var/run/dstack.sock/x"), FILE_, "services.web.volumes", "", false },
    { "a socket that is not there", BIND("/var/run/tappd.sock"), FILE_, "services.web.volumes", "", false },
    { "a directory beside the file", BIND("./conf"), FILE_, "services.web.volumes", "", false },
    { "the file's directory", BIND("."), FILE_, "services.web.volumes", "", false },
    { "a directory above it", BIND("../x"), FILE_, "services.web.volumes", "", false },
    { "a home directory", BIND("~/x"), FILE_, "services.web.volumes", "", false },
    { "relative without a dot", BIND("conf"), FILE_, "services.web.volumes", "", false },
    { "no source", VOLUME("{'type':'bind','target':'/d'}"), FILE_, "services.web.volumes", "", false },
    { "absolute, may be made", BIND("/srv/data"), FILE_, "services.web.volumes", "", false },
    { "absolute, nothing said", VOLUME("{'type':'bind','source':'/srv','target':'/d'}"), FILE_, "services.web.volumes", "", false },
    { "absolute, must be there", VOLUME("{'type':'bind','source':'/etc/ssl','target':'/d','bind':{'create_host_path':false}}"), FINE, "", "", false },
    { "relative, must be there", VOLUME("{'type':'bind','source':'./x','target':'/d','bind':{'create_host_path':false}}"), FILE_, "services.web.volumes", "", false },
    { "a source by variable", VOLUME("{'type':'volume','source':'${D:-data}','target':'/d'}"), FILE_, "services.web.volumes", "", false },
    { "the second volume", VOLUME("{'type':'volume','source':'data','target':'/d'},{'type':'bind','source':'./x'}"), FILE_, "services.web.volumes", "", false },
    { "short form", VOLUME("'./x:/y:ro'"), FILE_, "services.web.volumes", "", false },
    { "short form, absolute", VOLUME("'/x:/y'"), FILE_, "services.web.volumes", "", false },
    { "short form, socket", VOLUME("'/run/dstack.sock:/run/dstack.sock'"), FINE, "", "", false },
    { "short form, named", VOLUME("'data:/y'"), FINE, "", "", false },
    { "short form, unnamed", VOLUME("'/y'"), FINE, "", "", false },
    { "a volume over a directory", BESIDE("'volumes':{'d':{'driver_opts':{'type':'none','o':'bind','device':'./d'}}}"), FILE_, "volumes.d.driver_opts", "", false },
    { "a volume over an absolute one", BESIDE("'volumes':{'d':{'driver_opts':{'o':'rw,bind','device':'/srv'}}}"), FILE_, "volumes.d.driver_opts", "", false },
    { "a volume in memory", BESIDE("'volumes':{'d':{'driver_opts':{'type':'tmpfs','o':'size=1m','device':'tmpfs'}}}"), FINE, "", "", false },
    { "a volume with nothing", BESIDE("'volumes':{'d':null}"), FINE, "", "", false },

    { "env_file", WEB("'env_file':[{'path':'./web.env','required':true}]"), FILE_, "services.web.env_file", "", false },
    { "env_file that may lack", WEB("'env_file':[{'path':'./web.env','required':false}]"), FILE_, "services.web.env_file", "", false },
    { "env_file as text", WEB("'env_file':'web.env'"), FILE_, "services.web.env_file", "", false },
    { "env_file as texts", WEB("'env_file':['web.env']"), FILE_, "services.web.env_file", "", false },
    { "env_file, empty", WEB("'env_file':[]"), FINE, "", "", false },
    { "label_file", WEB("'label_file':['./labels']"), FILE_, "services.web.label_file", "", false },
    { "a seccomp profile", WEB("'security_opt':['seccomp:./p.json']"), FILE_, "services.web.security_opt", "", false },
    { "a seccomp profile, behind another", WEB("'security_opt':['no-new-privileges:true','seccomp=p.json']"), FILE_, "services.web.security_opt", "", false },
    { "seccomp without a file", WEB("'security_opt':['seccomp:unconfined','seccomp=builtin','seccomp']"), FINE, "", "", false },
    { "a config from a file", BESIDE("'configs':{'c':{'file':'./c'}}"), FILE_, "configs.c.file", "", false },
    { "a secret from a file", BESIDE("'secrets':{'s':{'file':'/run/s'}}"), FILE_, "secrets.s.file", "", false },
    { "a config in the file", BESIDE("'configs':{'c':{'content':'x=1'}}"), FINE, "", "", false },

    { "a variable", COMMAND("$X"), VARIABLE, "services.web.command", "", false },
    { "a variable in braces", COMMAND("${X}"), VARIABLE, "services.web.command", "", false },
    { "a variable inside text", COMMAND("a $$b c=$X"), VARIABLE, "services.web.command", "", false },
    { "with a default", COMMAND("${X:-1} ${X-}"), FINE, "", "", false },
    { "with an alternative", COMMAND("${X:+1}${X+2}"), FINE, "", "", false },
    { "with an error", COMMAND("${X:?no}"), VARIABLE, "services.web.command", "", false },
    { "with an error if unset", COMMAND("${X?}"), VARIABLE, "services.web.command", "", false },
    { "one in a default", COMMAND("${X:-${Y}}"), VARIABLE, "services.web.command", "", false },
    { "one with a default in a default", COMMAND("${X:-${Y:-1}}"), FINE, "", "", false },
    { "an allowed one", COMMAND("$TOKEN${TOKEN}${TOKEN:?no}"), FINE, "", "", false },
    { "one that begins like an allowed one", COMMAND("$TOKENS"), VARIABLE, "services.web.command", "", false },
    { "what the guest sets", COMMAND("$HOME$PATH$COMPOSE_PROJECT_NAME"), FINE, "", "", false },
    { "a plain dollar", COMMAND("$$X $$$$"), FINE, "", "", false },
    { "a dollar at the end", COMMAND("5$"), VARIABLE, "services.web.command", "", false },
    { "a dollar and a digit", COMMAND("$1"), VARIABLE, "services.web.command", "", false },
    { "braces without a name", COMMAND("${}"), VARIABLE, "services.web.command", "", false },
    { "braces without an end", COMMAND("${HOME"), VARIABLE, "services.web.command", "", false },
    { "braces with a colon alone", COMMAND("${HOME:}"), VARIABLE, "services.web.command", "", false },
    { "another operation", COMMAND("${HOME:=1}"), VARIABLE, "services.web.command", "", false },
    { "an odd number of dollars", COMMAND("$$$X"), VARIABLE, "services.web.command", "", false },
    { "deep inside", WEB("'labels':{'a':{'b':['x',{'c':'$X'}]}}"), VARIABLE, "services.web.labels", "", false },
    { "a key is none", WEB("'labels':{'$X':'1'}"), FINE, "", "", false },
    { "in a config", BESIDE("'configs':{'c':{'content':'a=${X}'}}"), VARIABLE, "configs.c.content", "", false },
    { "in a network", BESIDE("'networks':{'n':{'name':'${X}'}}"), VARIABLE, "networks.n.name", "", false },
    { "a secret from a variable", BESIDE("'secrets':{'s':{'environment':'X'}}"), VARIABLE, "secrets.s.environment", "", false },
    { "a secret from an allowed one", BESIDE("'secrets':{'s':{'environment':'TOKEN'}}"), FINE, "", "", false },
    { "a name alone", WEB("'environment':['A=1','X']"), VARIABLE, "services.web.environment", "", false },
    { "a name without a value", WEB("'environment':{'A':'1','X':null}"), VARIABLE, "services.web.environment", "", false },
    { "an allowed name alone", WEB("'environment':['TOKEN','A=']"), FINE, "", "", false },
    { "values of other types", WEB("'environment':{'A':1,'B':true,'TOKEN':null}"), FINE, "", "", false },

    { ".env beside a default", COMMAND("${X:-1}"), VARIABLE, "services.web.command", "A=1\nX=2\n", false },
    { ".env with export", COMMAND("${X:-1}"), VARIABLE, "services.web.command", "  export X = 2", false },
    { ".env with other names", COMMAND("${X:-1}"), FINE, "", "XX=1\n#X=2\nY=X\n=X\nX", false },
    { ".env and an allowed name", COMMAND("${TOKEN:-1}"), FINE, "", "TOKEN=2\n", false },
    { ".env that nobody asks", COMMAND("x"), FINE, "", "X=2\n", false },
};
/* clang-format on */

static char *quoted(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    for (char *p = copy; (p = strchr(p, '\'')) != NULL;)
        *p = '"';
    return copy;
}

static int check(const struct row *row, struct ds_error *e)
{
    static const struct ds_span allowed[] = { { (const uint8_t *)"TOKEN", 5 } };
    static uint8_t room[PREFLIGHT_MEM];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct app_compose app = { .n_image_volumes = 1,
                               .allow_tags = row->allow_tags,
                               .allowed_envs = allowed,
                               .n_allowed_envs = DS_LEN(allowed) };
    app.image_volumes[0].image = DS_SPAN_LIT("hello:latest");
    char *document = quoted(row->document);
    const struct preflight in = { .document = ds_span_str(document),
                                  .app = &app,
                                  .dotenv = ds_span_str(row->dotenv) };
    int r = preflight_check(&in, &mem, e);
    free(document);
    return r;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        int r = check(&rows[i], &e);
        if (e.code != rows[i].code || strcmp(e.detail.claim, rows[i].claim) != 0)
            print_error("%s: %d %s\n", rows[i].name, r, e.msg);
        assert_int_equal(r, rows[i].code == FINE ? DS_OK : DS_ERR_DENIED);
        assert_int_equal(e.code, rows[i].code);
        assert_string_equal(e.detail.claim, rows[i].claim);
        if (r < 0) {
            assert_true(e.detail.expected[0] != '\0');
            assert_true(e.detail.got[0] != '\0' || strcmp(rows[i].name, "no source") == 0);
        }
    }
}

static void test_no_json(void **state)
{
    (void)state;
    static const char *const documents[] = { "", "{", "{}x", "{'services':{},'services':{}}" };
    for (size_t i = 0; i < DS_LEN(documents); i++) {
        const struct row row = { .document = documents[i], .dotenv = "" };
        struct ds_error e = { 0 };
        assert_true(check(&row, &e) < 0);
        assert_int_equal(e.code, DS_CODE_NONE);
    }
}

/* What came is shown as it stands in the file, and a hostile one as printable text. */
static void test_words(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    const struct row conf = { .document = BIND("./conf"), .dotenv = "" };
    assert_int_equal(check(&conf, &e), DS_ERR_DENIED);
    assert_string_equal(e.detail.got, "./conf");
    const struct row env = { .document = COMMAND("${X:-1}"), .dotenv = "X=s3cret" };
    assert_int_equal(check(&env, &e), DS_ERR_DENIED);
    assert_string_equal(e.detail.got, "X");
    assert_null(strstr(e.msg, "s3cret"));
    const struct row odd = { .document = "{'services':{'\xc3\xa4':{'image':'\xc3\xa4:1'}}}",
                             .dotenv = "" };
    assert_int_equal(check(&odd, &e), DS_ERR_DENIED);
    assert_string_equal(e.detail.claim, "services.?\?.image");
    assert_string_equal(e.detail.got, "?\?:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("cli/preflight", tests, NULL, NULL);
}
