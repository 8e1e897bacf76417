"""Seals as the browser gets them."""

import pytest
from esign_kit.errors import NotFound

from .doubles import SHA, Site


async def test_a_seals_picture_is_kept_and_can_do_nothing(site: Site) -> None:
    async with site.client() as client:
        answer = await client.get("/v1/seals/s-1/image")
    assert (answer.status_code, answer.content) == (200, b"<svg/>")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (answer.headers["vary"], answer.headers["etag"]) == ("Cookie", f'"{SHA}"')
    asked = site.doubles.asked("GetSealImage")[0]
    assert (asked.seal_id, asked.known_sha256) == ("s-1", "")


@pytest.mark.parametrize("tag", [f'"{SHA}"', f'W/"{SHA}"', f'"other", "{SHA}"'])
async def test_a_picture_that_is_known_is_not_sent_again(site: Site, tag: str) -> None:
    async with site.client() as client:
        answer = await client.get("/v1/seals/s-1/image", headers={"if-none-match": tag})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", f'"{SHA}"')
        other = await client.get("/v1/seals/s-1/image", headers={"if-none-match": f'"{"cd" * 32}"'})
        assert other.status_code == 200


async def test_a_seal_that_may_not_be_used_has_no_picture(site: Site) -> None:
    site.doubles.failures["GetSealImage"] = [NotFound("SEAL_NOT_FOUND", zh="印章不存在", en="No such seal")]
    async with site.client() as client:
        answer = await client.get("/v1/seals/s-1/image")
        assert (answer.status_code, answer.json()["code"]) == (404, "SEAL_NOT_FOUND")
        assert answer.headers["cache-control"] == "no-store"
        assert (await client.get("/v1/seals/..%2f..%2fx/image")).status_code == 404


async def test_the_list_says_how_large_a_seal_is_and_where_its_picture_is(site: Site) -> None:
    async with site.client() as client:
        (seal,) = (await client.get("/v1/seals")).json()["items"]
    assert (seal["width_mm"], seal["height_mm"], seal["image"]) == (40.0, 20.0, "/v1/seals/s-1/image")


async def test_a_name_seal_shows_the_persons_own_name(site: Site) -> None:
    async with site.client() as client:
        me = (await client.get("/v1/me")).json()["person"]["name"]
        answer = await client.post("/v1/seals/name", json={"name": "别人"})
    assert answer.status_code == 201
    assert [asked.name for asked in site.doubles.asked("CreateNameSeal")] == [me]
