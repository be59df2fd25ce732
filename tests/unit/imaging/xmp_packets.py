"""XMP packets that reserve data mining, in every way to write it, and some that do harm."""

VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
DESCRIPTION = '<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
AS_ATTRIBUTE = f'{DESCRIPTION} plus:DataMining="{VOCABULARY}DMI-PROHIBITED"/>'
AS_TEXT = (
    f"{DESCRIPTION}><plus:DataMining>{VOCABULARY}DMI-PROHIBITED-AIMLTRAINING</plus:DataMining>"
    "</rdf:Description>"
)
AS_RESOURCE = (
    f'{DESCRIPTION}><plus:DataMining rdf:resource="{VOCABULARY}DMI-ALLOWED"/></rdf:Description>'
)


def packet(inside: str, before: str = "") -> bytes:
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{before}'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'{inside}</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


DEEP = packet(
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:rights>'
    f"{'<rdf:li>' * 2000}{'</rdf:li>' * 2000}</dc:rights></rdf:Description>"
)
"""14 KB in a JPEG. Python's serialiser of XML calls itself for each level."""
DECLARING = packet(AS_TEXT, '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>').decode().encode("utf-16")
"""An XMP packet with a document type, in an encoding where no one finds it byte by byte."""
