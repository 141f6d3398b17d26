import { expect, test } from "vitest";
import { binarySecret, findSecrets, textSecret } from "../support/secret-traces.ts";

const bytes = Buffer.from(Array.from({ length: 128 }, (_, index) => (index * 167 + 13) % 256));
const secrets = [binarySecret("the key", bytes), textSecret("the password", "correct-horse")];

test.each([
  ["raw", Buffer.concat([Buffer.from("log: "), bytes, Buffer.from(" end")]).toString("utf8")],
  ["in base64", `key=${bytes.toString("base64")}`],
  ["in base64 for addresses", `key=${bytes.toString("base64url")}`],
  ["in hexadecimal, upper case", bytes.toString("hex").toUpperCase()],
])("a key of bytes is found %s", (_, text) => {
  expect(findSecrets([{ where: "the log", text }], secrets)).toEqual(["the key in the log"]);
});

test.each(["StoragePass=correct-horse", Buffer.from("correct-horse").toString("base64"), "636F72726563742D686F727365"])(
  "a password is found in %s",
  (text) => {
    expect(findSecrets([{ where: "an Event", text }], secrets)).toEqual(["the password in an Event"]);
  },
);

test("nothing is found where nothing is", () => {
  expect(findSecrets([{ where: "the log", text: "slurmctld has started" }], secrets)).toEqual([]);
});
