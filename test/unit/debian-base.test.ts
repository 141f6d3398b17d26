import { describe, expect, test } from "vitest";
import { publicSource } from "../../scripts/images/debian-base.ts";

describe("a package source that images may name", () => {
  test.each([
    "http://mirror.example.com/debian/",
    "https://mirror.example.org:8443/debian/",
    "https://mirror.example.org/teams/hpc@site/debian/",
    "file:/srv/debian/",
    "mirror+file:/etc/apt/mirrors/debian.list",
  ])("%s is taken as it is", (address) => {
    expect(publicSource(address)).toBe(address);
  });

  test.each([
    "https://alice:s3cret@mirror.example.org/debian/",
    "https://s3cret@mirror.example.org/debian/",
    "https://alice@example.org:s3cret@mirror.example.org/debian/",
    "tor+https://alice:s3cret@mirror.example.org/debian/",
  ])("with a login it is refused, and the login is not repeated: %s", (address) => {
    const refused = () => publicSource(address);
    expect(refused).toThrow("://mirror.example.org/debian/ has a user or password in its address");
    expect(refused).not.toThrow(/s3cret|alice/);
  });
});
