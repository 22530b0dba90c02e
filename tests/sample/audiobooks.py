"""An invented shelf: fifteen authors, twenty-six audiobook records with the usual faults, and who wrote them."""

# ruff: noqa: E501 (a table keeps one row to a line)
from typing import Any

Row = dict[str, Any]

# id | name | sort name | aliases | birth | death | works (language: title) | subjects | same as
_AUTHORS = """
a01|Wilhelmina Garrow-Teague|Garrow-Teague, Wilhelmina||1841|1910|The Heron Clock; Letters from Saltgate; A Winter Inventory|Country life -- Fiction|
a02|Tobias Reginald Quillfeather|Quillfeather, Tobias Reginald|T. R. Quillfeather; Tobias Quillfeather|1862|1931|The Brass Orchard; Nine Lamps on Tallow Street; The Second Lamplighter|Detective and mystery stories; City and town life -- Fiction|
a03|Edwin Larkstoke|Larkstoke, Edwin||1835|1901|The Strata of the Pellow Coast; On Pebbles|Geology; Coasts|
a04|Edwin Larkstoke|Larkstoke, Edwin||1889|1954|Murder at the Seed Fair; The Vicar's Alibi|Detective and mystery stories|
a05|Hélène Aubrevoir|Aubrevoir, Hélène|Helene Aubrevoir; Madame Aubrevoir|1870|1942|French: La Maison aux hérons; French: Le Jardin de cendre|Domestic fiction, French|
a06|Jørn Askevatn|Askevatn, Jørn||1858|1919|Norwegian: Fjellveien hjem; The Road over the Fell|Mountains -- Fiction|
a07|Lettice Umberley|Umberley, Lettice|Captain Barnaby Swift; Barnaby Swift|1855|1923|The Corsair's Apprentice; Under the Yellow Sail; The Ship in the Orchard|Sea stories; Adventure stories|a15
a08|Konstantin Brezhanov|Brezhanov, Konstantin|Constantin Breschanow; Константин Брежанов|1831|1897|The Ferryman's Debt; Winter Quarters|Russian fiction -- Translations into English|
a09|Agnes Thornwhistle|Thornwhistle, Agnes||1849|1928|A Herbal for Small Gardens; The Patient Gardener|Gardening; Herbs|
a10|Percival Thornwhistle|Thornwhistle, Percival||1852|1915|Songs of the Lower Weald; The Hop-Pickers|English poetry -- 19th century|
a11|Ignatius Fennimore Crale|Crale, Ignatius Fennimore|I. F. Crale|1803|1878|An Essay on Umbrellas; The Idle Traveller; Further Idleness|Essays; Humour|
a12|Rosalind Peverwick|Peverwick, Rosalind|Mrs. Ambrose Peverwick|1866|1940|The Governess of Gull Rock; A Lantern for Prudence|Governesses -- Fiction; Love stories|
a13|Domingo Altaverde|Altaverde, Domingo||1844|1906|Spanish: El faro dormido; The Sleeping Lighthouse|Lighthouses -- Fiction|
a14|Marguerite Olding|Olding, Marguerite||1878|1951|Tales of the Tin Kettle; More Tales of the Tin Kettle|Children's stories|
a15|L. Umberley|Umberley, L.||1855||The Ship in the Orchard|Sea stories|a07
"""

# slice | gold authors | kind of alias | marks (h homonym, a ambiguous) | title | contributors (role: name) | series |
# language | year | genres. `new:` in the gold is an author whom the knowledge base lacks.
_AUDIOBOOKS = """
clean|a01|||The Heron Clock|author: Wilhelmina Garrow-Teague; narrator: Petra Lindqvale||English|1879|General Fiction
clean|a11|||The Idle Traveller|author: Ignatius Fennimore Crale; narrator: Osric Dunmallow||English|1844|Essays
initials|a02|||Nine Lamps on Tallow Street|author: T. R. Quillfeather; narrator: Petra Lindqvale|Tallow Street|English|1903|Mystery
initials|a11|||Further Idleness|author: I.F. Crale; narrator: Osric Dunmallow||English|1851|Essays
surname_first|a12|||A Lantern for Prudence|author: Peverwick, Rosalind; narrator: Junia Fairholt||English|1898|Romance
surname_first|a06|||The Road over the Fell|author: ASKEVATN, Jørn; translator: Mabel Tranter-Cole; narrator: Hugh Sallowby||English|1899|General Fiction
surname_only|a08|||Winter Quarters|author: Brezhanov; narrator: Hugh Sallowby||English|1872|War stories
no_diacritics|a05|||La Maison aux hérons|author: Helene Aubrevoir; narrator: Solange Tervieux||French|1901|Romans
no_diacritics|a06|||Fjellveien hjem|author: Jorn Askevatn; narrator: Sigrun Holtedal||Norwegian|1896|
homonym|a03||ha|On Pebbles|author: Edwin Larkstoke; narrator: Osric Dunmallow||English|1868|Geology
homonym|a04||ha|The Vicar's Alibi|author: Edwin Larkstoke; narrator: Junia Fairholt|Inspector Tarn|English|1926|Mystery
homonym|a04||ha|The Curate's Return|author: Edwin Larkstoke; narrator: Junia Fairholt|Inspector Tarn|English|1931|Mystery
alias_known|a07|pen_name||Under the Yellow Sail|author: Captain Barnaby Swift; narrator: Tobin Marrash|Yellow Sail|English|1887|Sea stories
alias_known|a08|variant||Der Fährmann|author: Constantin Breschanow; narrator: Anselm Rotgruber||German|1869|
alias_known|a12|variant||The Governess of Gull Rock|author: Mrs. Ambrose Peverwick; narrator: Petra Lindqvale||English|1893|Romance
alias_hidden|a14|pen_name||More Tales of the Tin Kettle|author: Aunt Olly; narrator: Bettina Shawcott|Tin Kettle|English|1911|Children's Fiction
role_swap|a02|||The Brass Orchard|author: Petra Lindqvale; narrator: Tobias Quillfeather||English|1899|Mystery
contrib_mix|a13|||The Sleeping Lighthouse|author: Domingo Altaverde; author: Mabel Tranter-Cole; author: Hugh Sallowby||English|1884|General Fiction
contrib_mix|a01|||Letters from Saltgate|author: Junia Fairholt; Wilhelmina Garrow-Teague||English|1885|Letters
multi_author|a09,a10||a|A Weald Garland|author: Agnes & Percival Thornwhistle; narrator: Bettina Shawcott||English|1890|Poetry; Gardening
various|a10||a|Songs of the Lower Weald|author: Various; narrator: Bettina Shawcott||English|1881|Poetry
missing_author|a09|||The Patient Gardener|narrator: Bettina Shawcott||English|1883|Gardening
typo|a02|||The Second Lamplighter|author: Tobias Quilfeather; narrator: Petra Lindqvale|Tallow Street|English|1907|Mystery
ocr|a14|||Tales of the Tin Kettle|author: Margueritc 0lding; narrator: Bettina Shawcott|Tin Kettle|English|1908|Children's Fiction
clean|new:oriel-saltmarsh|||The Glass Ferry|author: Oriel Saltmarsh; narrator: Tobin Marrash|Pellow Haven|English|2019|Fantasy Fiction
initials|new:oriel-saltmarsh|||The Paper Tide|author: O. Saltmarsh; narrator: Tobin Marrash|Pellow Haven|English|2021|Fantasy Fiction
"""

_PUBLISHERS = ("Marl Street Audio", "Netloft Listening", "Third Gull Sound")
_SUBTITLES = {"On Pebbles": "A Walk with a Hammer", "The Glass Ferry": "Pellow Haven, Book One"}
_DESCRIPTIONS = {
    "Winter Quarters": "A garrison waits for the thaw. By the author of The Ferryman's Debt.",
    "The Curate's Return": "Inspector Tarn is called back to the village of The Vicar's Alibi.",
    "The Patient Gardener": "Agnes Thornwhistle's second book, read from the edition of 1883.",
    "More Tales of the Tin Kettle": "Marguerite Olding wrote these stories for her nieces and signed them Aunt Olly.",
    "Der Fährmann": "Erzählung. Aus dem Russischen.",
}


def authors() -> list[Row]:
    """The knowledge base, one row an author."""
    return [_author(*line.split("|")) for line in _AUTHORS.strip().splitlines()]


def audiobooks() -> list[Row]:
    """The records to attribute."""
    lines = _AUDIOBOOKS.strip().splitlines()
    return [_audiobook(number, *line.split("|")[4:]) for number, line in enumerate(lines, 1)]


def gold_links() -> list[Row]:
    """Who wrote each record; an author whom the knowledge base lacks is `NIL:` and a name."""
    known = {work["title"] for author in authors() for work in author["works"]}
    lines = _AUDIOBOOKS.strip().splitlines()
    return [_gold(number, known, *line.split("|")[:5]) for number, line in enumerate(lines, 1)]


def _author(
    author_id: str,
    name: str,
    sort_name: str,
    aliases: str,
    birth: str,
    death: str,
    works: str,
    subjects: str,
    same_as: str,
) -> Row:
    surname, given = sort_name.split(", ")
    return {
        "id": author_id,
        "name": name,
        "given": given,
        "surname": surname,
        "sort_name": sort_name,
        "aliases": _split(aliases),
        "birth": int(birth) if birth else None,
        "death": int(death) if death else None,
        "works": [_work(work) for work in _split(works)],
        "subjects": _split(subjects),
        "same_as": _split(same_as),
    }


def _work(work: str) -> Row:
    language, _, title = work.rpartition(": ")
    return {"lang": language or "English", "title": title}


def _audiobook(number: int, title: str, contributors: str, series: str, language: str, year: str, genres: str) -> Row:
    return {
        "media_id": _media_id(number),
        "title": title,
        "subtitle": _SUBTITLES.get(title),
        "contributors": _contributors(contributors),
        "publisher": _PUBLISHERS[number % len(_PUBLISHERS)],
        "series": series or None,
        "language": language,
        "copyright_year": int(year),
        "release_date": f"{int(year) + 1 if int(year) > 2000 else 2012 + number % 13}-{1 + number % 12:02}-{1 + 3 * number % 28:02}",
        "genres": _split(genres),
        "isbn": None,
        "description": _DESCRIPTIONS.get(title, ""),
    }


def _contributors(text: str) -> list[Row]:
    """Claims as they came: a part without a role belongs to the name before it, as in `Ann Lee; Bob Ray`."""
    contributors: list[Row] = []
    for part in _split(text):
        role, colon, name = part.partition(": ")
        if colon:
            contributors.append({"name": name, "role": role})
        else:
            contributors[-1]["name"] += f"; {part}"
    return contributors


def _gold(number: int, known: set[str], case: str, gold: str, alias_kind: str, marks: str, title: str) -> Row:
    return {
        "media_id": _media_id(number),
        "authors": [author.replace("new:", "NIL:") for author in gold.split(",")],
        "slice": case,
        "alias_kind": alias_kind or None,
        "ambiguous": "a" in marks,
        "homonym": "h" in marks,
        "nil": "real" if gold.startswith("new:") else None,
        "title_in_kb": title in known,
    }


def _media_id(number: int) -> str:
    return f"audiobook_{number:02}"


def _split(text: str) -> list[str]:
    return [part for part in text.split("; ") if part]
