"""XMP packets that reserve data mining, in every way to write it."""

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
