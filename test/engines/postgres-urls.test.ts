import { once } from "node:events";
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { UnreachableError, UsageError } from "../../src/errors.ts";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { makeCertificate, PASSPHRASE } from "../support/certificates.ts";
import { runPatchbay } from "../support/patchbay-process.ts";
import { startPostgres } from "../support/postgres.ts";

const sockets = mkdtempSync(join(tmpdir(), "patchbay-sock-"));
chmodSync(sockets, 0o777);
const server = await startPostgres({ flags: ["-c", `unix_socket_directories=${sockets}`] });
const missing = "missing" in server ? server.missing : undefined;
const files = mkdtempSync(join(tmpdir(), "patchbay-tls-"));
chmodSync(files, 0o755);

const authority = makeCertificate({ name: "Patchbay test authority" });
const other = makeCertificate({ name: "Another authority" });
const CERTIFICATES = {
  "signed by the authority": makeCertificate({ name: "localhost", by: authority, names: ["localhost", "127.0.0.1"] }),
  "self-signed": makeCertificate({ name: "localhost", names: ["localhost", "127.0.0.1"] }),
  "for another host": makeCertificate({ name: "db.example.com", by: authority, names: ["db.example.com"] }),
  expired: makeCertificate({ name: "localhost", by: authority, names: ["localhost", "127.0.0.1"], expired: true }),
};
const own = (name: string, text: string) => {
  writeFileSync(join(files, name), text);
  return join(files, name);
};
const ca = own("authority.pem", authority.cert);
const otherCa = own("other.pem", other.cert);

const url = "missing" in server ? "postgres://u:p@127.0.0.1:1/x" : server.url;
const { port, password } = new URL(url);

async function admin(...statements: string[]) {
  const client = new pg.Client({ host: sockets, port: Number(port), user: "postgres", password, database: "postgres" });
  await client.connect();
  try {
    let rows: Record<string, string>[] = [];
    for (const text of statements) rows = (await client.query(text)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** The server shows this one from now on; `off`: it has no TLS. */
async function show(which: keyof typeof CERTIFICATES | "off"): Promise<void> {
  if (which === "off") {
    await admin("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()");
  } else {
    const [row] = await admin("SHOW data_directory");
    const { uid, gid } = statSync(row?.data_directory ?? "");
    for (const [name, text] of [
      ["server.pem", CERTIFICATES[which].cert],
      ["server.key", CERTIFICATES[which].key],
    ] as const) {
      chownSync(own(name, text), uid, gid);
      chmodSync(join(files, name), 0o600);
    }
    await admin(
      `ALTER SYSTEM SET ssl_cert_file = '${join(files, "server.pem")}'`,
      `ALTER SYSTEM SET ssl_key_file = '${join(files, "server.key")}'`,
      "ALTER SYSTEM SET ssl = on",
      "SELECT pg_reload_conf()",
    );
  }
  const wanted = which === "off" ? "off" : CERTIFICATES[which].cert;
  await vi.waitFor(async () => expect(await shown()).toBe(wanted.replaceAll(/\s/g, "")), { timeout: 20_000 });
}

/** Its certificate as a client sees it. */
async function shown(): Promise<string> {
  const client = new pg.Client({ connectionString: url, ssl: { rejectUnauthorized: false } });
  try {
    await client.connect();
    const { connection } = client as unknown as { connection: { stream: { getPeerX509Certificate(): { toString(): string } } } };
    return connection.stream.getPeerX509Certificate().toString().replaceAll(/\s/g, "");
  } catch (error) {
    return String(error).includes("does not support SSL") ? "off" : String(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const withQuery = (query: string, host = "127.0.0.1") => `postgres://postgres:${password}@${host}:${port}/postgres?${query}`;
async function encrypted(query: string, host?: string): Promise<boolean> {
  const ledger = await openPostgresLedger({ url: withQuery(query, host) });
  const [row] = await admin(
    "SELECT coalesce(bool_and(ssl), false)::text AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'patchbay'",
  );
  await ledger.close();
  return row?.ssl === "true";
}
const refused = (query: string, host?: string) =>
  openPostgresLedger({ url: withQuery(query, host) }).then(
    () => "not refused",
    (error: UnreachableError) => {
      expect(error).toBeInstanceOf(UnreachableError);
      expect(`${error.message} ${error.hint}`).not.toContain(password);
      return `${error.message} ${error.hint}`;
    },
  );

afterAll(async () => {
  if (!("missing" in server)) await server.stop();
  for (const folder of [sockets, files]) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(missing)(`PostgreSQL over TLS${missing ? ` (SKIPPED: ${missing})` : ""}`, () => {
  describe("without it", () => {
    beforeAll(() => show("off"));

    test("is used as it is, unless the URL asks for more", async () => {
      for (const mode of ["", "sslmode=disable", "sslmode=allow", "sslmode=prefer", "ssl=false"]) expect(await encrypted(mode)).toBe(false);
    });

    test.each(["require", "verify-ca", "verify-full"])("sslmode=%s is refused with what to do", async (mode) => {
      expect(await refused(`sslmode=${mode}`)).toMatch(/has no TLS.*sslmode=disable into its URL, or switch TLS on there/);
    });
  });

  describe("with a certificate that it signed itself", () => {
    beforeAll(() => show("self-signed"));

    test("sslmode=require encrypts, as libpq does, and so does a URL without a mode", async () => {
      for (const mode of ["sslmode=require", "sslmode=prefer", "", "sslmode=no-verify", "ssl=no-verify"])
        expect(await encrypted(mode)).toBe(true);
      for (const mode of ["sslmode=allow", "sslmode=disable"]) expect(await encrypted(mode)).toBe(false);
    });

    test("a command says nothing but its answer: no notice of the driver", async () => {
      const folder = mkdtempSync(join(tmpdir(), "patchbay-tls-"));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const { code, stderr } = await runPatchbay({ args: ["deliveries", "--ledger", withQuery("sslmode=require")], cwd: folder, env: {} });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "No deliveries yet.\n" });
    });

    test.each(["verify-ca", "verify-full"])("sslmode=%s is refused, and says how to name the authority", async (mode) => {
      expect(await refused(`sslmode=${mode}`)).toMatch(/has a certificate that it signed itself.*sslrootcert=.*sslmode=require encrypts/);
      expect(await refused("ssl=true")).toMatch(/has a certificate that it signed itself/);
    });

    test("named as its own authority it is taken", async () => {
      const itself = own("itself.pem", CERTIFICATES["self-signed"].cert);
      expect(await encrypted(`sslmode=verify-full&sslrootcert=${itself}`)).toBe(true);
    });
  });

  describe("with a certificate of an authority", () => {
    beforeAll(() => show("signed by the authority"));

    test("that the URL names, it is taken in every mode", async () => {
      for (const mode of ["require", "verify-ca", "verify-full"]) expect(await encrypted(`sslmode=${mode}&sslrootcert=${ca}`)).toBe(true);
    });

    test.each(["verify-ca", "verify-full", "require"])("that is another than the URL names, it is refused (sslmode=%s)", async (mode) => {
      expect(await refused(`sslmode=${mode}&sslrootcert=${otherCa}`)).toMatch(
        /certificate (of an authority that is not known here|that another authority signed).*sslrootcert=/,
      );
    });

    test("that only this house knows, it is refused unless it is named", async () => {
      expect(await refused("sslmode=verify-full")).toMatch(/of an authority that is not known here.*sslrootcert=/);
      expect(await refused("sslmode=verify-full&sslrootcert=system")).toMatch(/of an authority that is not known here/);
    });

    test("a user that may only come with TLS is told so, and comes with it by itself", async () => {
      const [row] = await admin("SHOW hba_file");
      const hba = row?.hba_file ?? "";
      const before = (await admin(`SELECT pg_read_file('${hba}') AS text`))[0]?.text ?? "";
      onTestFinished(async () => {
        writeFileSync(hba, before);
        await admin("SELECT pg_reload_conf()");
      });
      writeFileSync(hba, "local all all password\nhostssl all all all password\n");
      await admin("SELECT pg_reload_conf()");
      await expect.poll(() => refused("sslmode=disable")).toMatch(/takes this user only with TLS.*sslmode=require/);
      for (const mode of ["", "sslmode=allow", "sslmode=require"]) expect(await encrypted(mode)).toBe(true);
    });
  });

  test("a certificate for another host is refused where the host counts, and taken where the authority is enough", async () => {
    await show("for another host");
    expect(await refused(`sslmode=verify-full&sslrootcert=${ca}`)).toMatch(/has a certificate for another host.*sslmode=verify-ca/);
    expect(await encrypted(`sslmode=verify-ca&sslrootcert=${ca}`)).toBe(true);
    expect(await encrypted(`sslmode=require&sslrootcert=${ca}`)).toBe(true);
  });

  test("one that has expired is refused, and the clock is a possible reason", async () => {
    await show("expired");
    expect(await refused(`sslmode=verify-full&sslrootcert=${ca}`)).toMatch(/has a certificate that has expired.*clock/);
    expect(await encrypted("sslmode=require")).toBe(true);
  });

  test("certificate files that are missing, empty or no PEM are named", async () => {
    await show("signed by the authority");
    const asked = (query: string) =>
      openPostgresLedger({ url: withQuery(query) }).then(
        () => undefined,
        (error) => error,
      );
    const noPem = own("no.pem", "hello");
    const client = makeCertificate({ name: "postgres", by: authority, names: ["client"] });
    const [cert, key, encryptedKey] = [
      own("client.pem", client.cert),
      own("client.key", client.key),
      own("client.enc.key", client.encryptedKey),
    ];
    for (const option of ["sslrootcert", "sslcert", "sslkey"]) {
      const error = await asked(`sslmode=verify-full&${option}=/nowhere/ca.pem`);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toBe(`the ledger's ${option} /nowhere/ca.pem cannot be used: it is not there`);
    }
    expect((await asked(`sslmode=verify-full&sslrootcert=${files}`)).message).toMatch(/it is a folder/);
    for (const query of [
      `sslrootcert=${noPem}`,
      `sslrootcert=${ca}&sslcert=${noPem}&sslkey=${key}`,
      `sslrootcert=${ca}&sslcert=${cert}&sslkey=${own("other.key", other.key)}`,
      `sslrootcert=${ca}&sslcert=${cert}&sslkey=${encryptedKey}`,
    ]) {
      const error = await asked(`sslmode=verify-full&${query}`);
      expect(`${error?.message} ${error?.hint}`, query).toMatch(/cannot be asked with the certificate files|authority that is not known/);
    }
    expect(await encrypted(`sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${key}`)).toBe(true);
    expect(await encrypted(`sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${encryptedKey}&sslpassword=${PASSPHRASE}`)).toBe(
      true,
    );
  });

  test("a socket is found by host=, or by its folder in the host's place", async () => {
    const folder = encodeURIComponent(sockets);
    for (const one of [
      `postgres://postgres:${password}@/postgres?host=${folder}&port=${port}`,
      `postgres://postgres:${password}@${folder}:${port}/postgres`,
      `postgres:///postgres?host=${folder}&port=${port}&user=postgres&password=${password}`,
    ]) {
      const ledger = await openPostgresLedger({ url: one });
      expect(ledger.name).toBe(`postgres://${sockets}/postgres`);
      await ledger.check();
      await ledger.close();
    }
    const none = await openPostgresLedger({ url: "postgres://app:hunter2@/app?host=/nowhere/at/all" }).catch((error) => error);
    expect(none).toBeInstanceOf(UnreachableError);
    expect(`${none.message} ${none.hint}`).toMatch(/has no socket there that this user may open.*host=/);
  });

  test("a password that is missing or wrong is told apart", async () => {
    await show("off");
    await admin("SET password_encryption = 'scram-sha-256'");
    const without = await openPostgresLedger({ url: `postgres://postgres@127.0.0.1:${port}/postgres` }).catch((error) => error);
    expect(`${without.message} ${without.hint}`).toMatch(/wants a password, and its URL has none|refuses the user or the password/);
    const wrong = await openPostgresLedger({ url: `postgres://postgres:hunter2@127.0.0.1:${port}/postgres` }).catch((error) => error);
    expect(wrong.message).toMatch(/refuses the user or the password/);
  });
});

describe("what listens there is no PostgreSQL", () => {
  async function answering(answer: (socket: Socket) => void): Promise<string> {
    const listening = createServer((socket) => {
      socket.on("error", () => undefined);
      answer(socket);
    }).listen(0, "127.0.0.1");
    await once(listening, "listening");
    onTestFinished(() => void listening.close());
    return `postgres://u:p@127.0.0.1:${(listening.address() as { port: number }).port}/x`;
  }
  const refusal = (where: string) =>
    openPostgresLedger({ url: where }).then(
      () => "not refused",
      (error) => {
        expect(error).toBeInstanceOf(UnreachableError);
        return `${error.message} ${error.hint}`;
      },
    );

  test("a web server", async () => {
    const where = await answering((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect(await refusal(where)).toMatch(/do not agree on TLS|does not answer/);
    expect(await refusal(`${where}?sslmode=disable`)).toMatch(/does not answer|does not speak/);
  });

  test("something that closes, and something that says nothing", async () => {
    expect(await refusal(await answering((socket) => void socket.end()))).toMatch(/does not answer/);
    expect(await refusal(`${await answering(() => undefined)}?connect_timeout=1`)).toMatch(/does not answer/);
  });

  test("a name that no name server knows", async () => {
    expect(await refusal("postgres://u:p@no-such-host.invalid/x")).toMatch(/no name server knows its host/);
  });
});

describe("a URL that cannot be meant is refused, and nothing of it is quoted", () => {
  test.each([
    ["a schema that is none", "postgres://u:hunter2@h/x?schema=Hunter-2", /schema= cannot be the name of a schema.*small letters/],
    ["an option that is nearly one", "postgres://u:hunter2@h/x?shema=hunter2", /an option that is not known.*Is schema= meant/],
    ["an option that is none", "postgres://u:hunter2@h/x?frobnicate=hunter2", /an option that is not known.*Options are schema, host/],
    ["a mode that is nearly one", "postgres://u:hunter2@h/x?sslmode=requir", /sslmode= is not known.*Is require meant/],
    ["a mode that is none", "postgres://u:hunter2@h/x?sslmode=hunter2", /sslmode= is not known.*Modes are disable, allow/],
    ["several hosts", "postgres://u:hunter2@one:5432,two:5432/x", /does not name one host.*leads to the primary/],
    ["a port that is none", "postgres://u:hunter2@h:99999/x", /port is none/],
    ["a sharp in the password", "postgres://u:hunter#2@h/x", /cannot be read.*%23 for #/],
  ])("%s", async (_, given, says) => {
    const error = await openPostgresLedger({ url: given }).catch((reason) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(`${error.message} ${error.hint}`).toMatch(says);
    expect(`${error.message} ${error.hint} ${error.stack}`).not.toMatch(/hunter/i);
  });
});
