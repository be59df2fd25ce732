"""The measurer `faces`: how many faces do pictures show, and where, by CenterFace."""

from crawlset.measuring.faces import Faces
from crawlset.measuring.handler import handler_of

handler = handler_of(Faces)
